// A recorded run of John Levine's greydaemon (observed answers only) against ours.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "greyd/options.h"
#include "greyd/service.h"

namespace {

std::string unhex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += char(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

}  // namespace

TEST_CASE("under the name greydaemon every recorded answer of the Perl program is given") {
  using namespace grey;
  std::ifstream trace(TEST_DATA "/data/greydaemon-1.jsonl");
  std::string line;
  REQUIRE(std::getline(trace, line));
  const auto header = nlohmann::json::parse(line);
  std::vector<std::string> arguments = {"greydaemon"};
  for (const auto& option : header["opts"]) arguments.push_back(option);
  arguments.insert(arguments.end(), {"127.0.0.1", "save"});
  const auto command_line = parse_command_line(arguments, "");
  REQUIRE(command_line);
  auto whitelist = AddressList::parse(header["whitelist"].get<std::string>(), "whitelist");
  REQUIRE(whitelist);
  const Lists lists{std::move(*whitelist), {}};
  Greylist greylist(command_line->options.policy, 100'000, HashKey{});

  std::size_t verdicts = 0;
  while (std::getline(trace, line)) {
    const auto entry = nlohmann::json::parse(line);
    const std::string datagram = unhex(entry["q"]);
    wire::Query query;
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    const auto answer = to_answer(greylist.decide(query, lists, entry["t"].get<Seconds>()).reason);
    CAPTURE(line);
    CHECK(std::string(answer.bytes, 2) == unhex(entry["a"]));
    ++verdicts;
  }
  CHECK(verdicts == 3000);
}
