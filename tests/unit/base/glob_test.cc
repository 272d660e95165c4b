#include "greyd/base/glob.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

using grey::Glob;

namespace {

bool matches(std::string_view pattern, std::string_view text) {
  const auto glob = Glob::parse(pattern);
  REQUIRE(glob);
  return glob->matches(text);
}

// The same by trying everything, for short texts.
bool obviously(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    return obviously(pattern.substr(1), text) ||
           (!text.empty() && obviously(pattern, text.substr(1)));
  }
  return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) &&
         obviously(pattern.substr(1), text.substr(1));
}

}  // namespace

TEST_CASE("a pattern is itself, but for its stars and question marks") {
  CHECK(matches("joe@example.com", "Joe@Example.COM"));
  CHECK_FALSE(matches("joe@example.com", "joe@example.org"));
  CHECK_FALSE(matches("joe@example.com", "joe@example.com.net"));
  CHECK_FALSE(matches("joe@example.com", ""));
  CHECK(matches("*@example.com", "joe@example.com"));
  CHECK(matches("*@example.com", "@example.com"));
  CHECK(matches("joe@*", "joe@example.com"));
  CHECK(matches("j?e@*.com", "joe@mx.example.com"));
  CHECK_FALSE(matches("j?e", "je"));
  CHECK(matches("*", ""));
  CHECK(matches("", ""));
  CHECK_FALSE(matches("", "x"));
  CHECK(matches("[a].\\", "[A].\\"));
}

TEST_CASE("octets that are no text match as any other") {
  CHECK(matches("?\xff*", std::string("\0\xff", 2)));
  CHECK_FALSE(matches("\xe9", "\xc9"));  // case is that of ASCII
}

TEST_CASE("ten thousand stars are one, and a long pattern is refused") {
  CHECK(matches(std::string(10'000, '*') + "x", std::string(1000, 'y') + "x"));
  CHECK(Glob::parse(std::string(Glob::kMaxParts, 'x')));
  CHECK(matches(std::string(Glob::kMaxParts, '?'), std::string(Glob::kMaxParts, 'x')));
  CHECK_FALSE(Glob::parse(std::string(Glob::kMaxParts + 1, '?')));
}

TEST_CASE("any pattern of any text matches as by trying everything") {
  std::mt19937 random(7);
  const auto text_of = [&](std::string_view letters, std::size_t most) {
    std::string text(random() % (most + 1), ' ');
    for (char& c : text) c = letters[random() % letters.size()];
    return text;
  };
  int matched = 0;
  for (int i = 0; i < 50'000; ++i) {
    const std::string pattern = text_of("ab*?", 6), text = text_of("ab", 7);
    CAPTURE(pattern);
    CAPTURE(text);
    const bool expected = obviously(pattern, text);
    matched += expected;
    REQUIRE(matches(pattern, text) == expected);
  }
  CHECK(matched > 5'000);
}
