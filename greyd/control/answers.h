// What the files of Commands have in common.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "greyd/base/json_line.h"
#include "greyd/control/commands.h"

namespace grey {

// A request being answered.
struct Commands::Call {
  Request request;
  const std::string& by;
  Seconds now;
  Later later;
};

inline std::string error_line(const Error& error) {
  std::string out;
  JsonLine(out).text("error", error.text).number("exit_code", error.exit_code).end();
  return out;
}

inline Commands::Answer refuse(const Error& error) {
  return {.lines = error_line(error)};
}

inline std::string done_line(std::string_view counted, std::size_t count) {
  std::string out;
  JsonLine(out).flag("done", true).number(counted, count).end();
  return out;
}

// What cannot be promised to outlive the daemon is not done, or is said. `done`: "forgotten".
inline Error not_on_disk(std::size_t records, std::string_view done) {
  std::string text = "the disk takes no changes: ";
  text += records == 0 ? "nothing is " : std::to_string(records) + " records are ";
  text += done;
  if (records > 0) text += " in memory alone, until the next save";
  return {std::move(text), kExitSystemFailure};
}

// An address, or the first of a network.
inline std::optional<Ip> first_address(std::string_view text) {
  if (const auto network = read_network(text)) return network->address.network(network->prefix);
  return Ip::parse_client(text);
}

// What is asked of records.
inline RecordFilter::Wanted wanted_of(Request& request) {
  RecordFilter::Wanted wanted;
  wanted.client = request.word("client");
  wanted.sender = request.word("sender");
  wanted.recipient = request.word("recipient");
  wanted.state = request.text("state");
  wanted.since = request.number("since");
  return wanted;
}

}  // namespace grey
