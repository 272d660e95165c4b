// A recorded run of John Levine's greydaemon (observed answers only) against ours.
#include <doctest/doctest.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "greyd/options.h"
#include "greyd/service/service.h"
#include "greyd/state/context_text.h"

namespace {

std::string unhex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += char(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

using namespace grey;

struct Recording {
  struct Entry {
    Seconds when;
    std::string datagram, answer;
  };
  Policy policy;
  Lists lists;
  std::vector<Entry> entries;
};

Recording read_recording(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  REQUIRE(std::getline(file, line));
  const auto header = nlohmann::json::parse(line);
  std::vector<std::string> arguments = {"greydaemon"};
  for (const auto& option : header["opts"]) arguments.push_back(option);
  arguments.insert(arguments.end(), {"127.0.0.1", "save"});
  const auto command_line = parse_command_line(arguments, "");
  REQUIRE(command_line);
  Recording recording;
  recording.policy = command_line->options.policy;
  auto whitelist = AddressList::parse(header["whitelist"].get<std::string>(), "whitelist");
  REQUIRE(whitelist);
  recording.lists.whitelist = std::move(*whitelist);
  while (std::getline(file, line)) {
    const auto entry = nlohmann::json::parse(line);
    recording.entries.push_back({entry["t"], unhex(entry["q"]), unhex(entry["a"])});
  }
  return recording;
}

std::string answer_to(Greylist& greylist, const Recording& recording, std::size_t index) {
  wire::Query query;
  if (wire::parse(recording.entries[index].datagram, query, wire::Dialect::greydaemon) !=
      wire::Fault::none) {
    return "";
  }
  const Decision decision = greylist.decide(query, recording.lists, recording.entries[index].when);
  return std::string(to_answer(decision.reason).bytes, 2);
}

// The state through a save file of greydaemon's form and back.
std::unique_ptr<Greylist> restarted(const Greylist& greylist, Seconds now) {
  ContextComposer composer(ContextForm::greydaemon);
  composer.begin();
  greylist.for_each([&](const SavedRecord& record) { composer.add(record); });
  composer.finish();
  auto result = std::make_unique<Greylist>(greylist.policy(), 100'000, HashKey{});
  const ContextContent content = read_context(
      composer.take_buffer(), [&](const SavedRecord& record) { result->restore(record, now); });
  CHECK(content.damage == (content.records == 0 ? "is empty" : ""));
  return result;
}

}  // namespace

TEST_CASE("under the name greydaemon every recorded answer of the Perl program is given") {
  const Recording recording = read_recording(TEST_DATA "/data/greydaemon-1.jsonl");
  REQUIRE(recording.entries.size() >= 3000);
  Greylist greylist(recording.policy, 100'000, HashKey{});
  for (std::size_t i = 0; i < recording.entries.size(); ++i) {
    CAPTURE(i);
    CHECK(answer_to(greylist, recording, i) == recording.entries[i].answer);
  }
}

TEST_CASE(
    "and every recorded verdict too when the daemon is started anew after each seventh query") {
  const Recording recording = read_recording(TEST_DATA "/data/greydaemon-1.jsonl");
  auto greylist = std::make_unique<Greylist>(recording.policy, 100'000, HashKey{});
  for (std::size_t i = 0; i < recording.entries.size(); ++i) {
    CAPTURE(i);
    CHECK(answer_to(*greylist, recording, i).substr(0, 1) ==
          recording.entries[i].answer.substr(0, 1));
    if (i % 7 == 6) greylist = restarted(*greylist, recording.entries[i].when);
  }
}
