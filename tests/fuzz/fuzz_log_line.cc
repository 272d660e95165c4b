// The line of the log for whatever a datagram asks, in each format: one line, printable ASCII,
// below PIPE_BUF; in JSON an object with what it must have. And what reads a log's notes back, on
// any text.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "greyd/base/log_format.h"
#include "greyd/fronts/decision_log.h"
#include "tests/fuzz/require.h"

using namespace grey;

namespace {

constexpr LogFormat kFormats[] = {LogFormat::plain, LogFormat::logfmt, LogFormat::json};

void require_line(const std::string& line) {
  REQUIRE(line.size() < 4096);
  REQUIRE(line.find('\n') == line.size() - 1);
  REQUIRE(std::all_of(line.begin(), line.end() - 1, [](char c) { return c >= ' ' && c < 0x7f; }));
}

void log_query(std::string_view datagram, wire::Dialect dialect) {
  wire::Query query;
  if (wire::parse(datagram, query, dialect) != wire::Fault::none) return;
  Decided decision;
  decision.reason = wire::Reason::early;
  decision.wait = 300;
  const std::string text(datagram.substr(0, 300));
  decision.matched = {std::make_shared<const Matched::Place>(Matched::Place{text, text}), 0};
  for (const LogFormat format : kFormats) {
    std::string line;
    append_decision(line, format, query, decision, std::nullopt);
    require_line(line);
    if (format != LogFormat::json) continue;
    const auto object = nlohmann::json::parse(line);
    for (const char* name : {"verdict", "reason", "client", "sender", "source", "list"}) {
      REQUIRE(object.at(name).is_string());
    }
    REQUIRE(object.at("recipients").is_array());
    REQUIRE(object.at("level") == "info");
  }
}

void log_note(std::string_view text) {
  for (const LogFormat format : {LogFormat::logfmt, LogFormat::json}) {
    std::string line, storage;
    append_note(line, format, {Priority::warning, text});
    REQUIRE(line.find('\n') == line.size() - 1);
    if (format == LogFormat::json) REQUIRE(nlohmann::json::parse(line).size() == 2);
    line.pop_back();
    const auto note = read_note(line, storage);
    REQUIRE(note && note->priority == Priority::warning);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  log_query(input, wire::Dialect::qmail_greyd);
  log_query(input, wire::Dialect::greydaemon);
  log_note(input);
  std::string storage;
  (void)read_note(input, storage);
  (void)is_ordinary(input);
  return 0;
}
