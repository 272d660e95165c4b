#include "svctool/plan/diff.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

using grey::svctool::unified_diff;

namespace {

std::string diff(std::string_view before, std::string_view after) {
  return unified_diff("a", before, "b", after);
}

// What patch(1) would make of `before`: hunks in order, each checked against the text it names.
std::string patched(const std::string& before, const std::string& diff) {
  const auto lines = [](const std::string& text) {
    std::vector<std::string> result;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
      result.push_back(text.substr(at, end - at));
      at = end;
    }
    return result;
  };
  const std::vector<std::string> old = lines(before), script = lines(diff);
  std::string result;
  std::size_t at = 0;  // next line of `old`
  for (std::size_t i = 2; i < script.size(); ++i) {
    std::string line = script[i];
    if (line.starts_with("@@ -")) {
      const std::size_t first = std::stoul(line.substr(4));
      const bool none = line.substr(4, line.find(" +") - 4).ends_with(",0");
      while (at + (none ? 0 : 1) < first) result += old.at(at++);
      continue;
    }
    if (line.starts_with("\\")) continue;
    if (i + 1 < script.size() && script[i + 1].starts_with("\\")) line.pop_back();
    if (line[0] != '+') {
      REQUIRE(old.at(at) == line.substr(1));
      ++at;
    }
    if (line[0] != '-') result += line.substr(1);
  }
  while (at < old.size()) result += old[at++];
  return result;
}

}  // namespace

TEST_CASE("a diff is what diff -u prints") {
  CHECK(diff("same\n", "same\n").empty());
  CHECK(diff("", "new\n") == "--- a\n+++ b\n@@ -0,0 +1 @@\n+new\n");
  CHECK(diff("old\n", "") == "--- a\n+++ b\n@@ -1 +0,0 @@\n-old\n");
  CHECK(diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n") ==
        "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
  CHECK(diff("x", "x\n") == "--- a\n+++ b\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+x\n");
}

TEST_CASE("changes that are near share a hunk, and others have their own") {
  std::string before, near = "", far = "";
  for (int n = 1; n <= 20; ++n) {
    const std::string line = std::to_string(n) + "\n";
    before += line;
    near += n == 5 || n == 12 ? "changed\n" : line;
    far += n == 5 || n == 13 ? "changed\n" : line;
  }
  CHECK(diff(before, near).find("@@ -2,14 +2,14 @@\n") != std::string::npos);
  CHECK(diff(before, far).find("@@ -2,7 +2,7 @@\n") != std::string::npos);
  CHECK(diff(before, far).find("@@ -10,7 +10,7 @@\n") != std::string::npos);
}

TEST_CASE("a diff turns one text into the other, whatever they are") {
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    const auto text = [&random] {
      std::string result;
      for (auto lines = random() % 30; lines > 0; --lines) {
        result += "abc"[random() % 3];
        result += '\n';
      }
      if (!result.empty() && random() % 4 == 0) result.pop_back();
      return result;
    };
    const std::string before = text(), after = text();
    CAPTURE(before);
    CAPTURE(after);
    const std::string between = diff(before, after);
    REQUIRE(patched(before, between) == after);
    REQUIRE(between.empty() == (before == after));
  }
}

TEST_CASE("texts too long for the smallest diff are shown as replaced") {
  std::string before, after;
  for (int n = 0; n < 1500; ++n) {
    before += "b" + std::to_string(n) + "\nsame\n";
    after += "a" + std::to_string(n) + "\nsame\n";
  }
  const std::string between = diff(before, after);
  CHECK(patched(before, between) == after);
  // Every second line is the same in both; the smallest diff would have them as context.
  CHECK(between.find("\n-same\n") != std::string::npos);
  CHECK(between.find("\n+same\n") != std::string::npos);
}
