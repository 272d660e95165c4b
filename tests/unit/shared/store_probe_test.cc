#include "greyd/shared/store_probe.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "greyd/shared/scripts.h"

using namespace grey::shared;

TEST_CASE("whatever a script does in a store has been probed before it is used") {
  const std::string probe(kProbe);
  for (const std::string_view script :
       {kAsk, kRead, kTell, kPass, kMeet, kLook, kSay, kHear, kEntries}) {
    std::size_t commands = 0;
    for (std::size_t at = 0; (at = script.find("call('", at)) != std::string_view::npos;
         ++commands) {
      at += 6;
      const std::string name(script.substr(at, script.find('\'', at) - at));
      CHECK_MESSAGE(probe.find("run('" + name + "'") != std::string::npos, name);
    }
    CHECK(commands > 0);
  }
}

TEST_CASE("a key of each kind is named, and of the probe's own none is another's") {
  const std::vector<std::string> words = store_probe();
  REQUIRE(words.size() > 3);
  CHECK(words[0] == "EVAL");
  CHECK(words[2] == std::to_string(words.size() - 3));
  for (const char* key : {kPolicyKey, kRunKey, kBeatKey, kStreamKey, kEntriesKey}) {
    CHECK(std::ranges::find(words, key) != words.end());
  }
  for (int own = 3; own < 6; ++own) CHECK(words[own].starts_with("p:"));
}
