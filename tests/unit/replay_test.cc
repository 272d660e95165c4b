#include "tests/replay/replay.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <vector>

TEST_CASE("every scenario goes as its script says") {
  std::vector<std::string> scripts;
  for (const auto& entry : std::filesystem::directory_iterator(TEST_DATA "/replay")) {
    if (entry.path().extension() == ".scenario") scripts.push_back(entry.path().string());
  }
  std::sort(scripts.begin(), scripts.end());
  REQUIRE(scripts.size() >= 10);
  for (const std::string& script : scripts) CHECK(grey::testing::replay(script) == "");
}
