// `?` in the lines of a list: one digit of an address, as IndiMail's lists have it.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "greyd/lists/list_cdb.h"
#include "greyd/lists/lists.h"
#include "greyd/lists/network_set.h"
#include "tests/temporary_directory.h"
#include "tests/unit/lists/list_of.h"

using namespace grey;
using testing::list_of;

namespace {

// By eye: the texts are as long, and differ where there is a question mark only.
bool fits(const std::string& pattern, const std::string& text) {
  if (pattern.size() != text.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool one_digit = pattern[i] == '?' && text[i] != '.';
    if (!one_digit && pattern[i] != text[i]) return false;
  }
  return true;
}

// How many networks a list is made of.
std::size_t networks(const AddressList& list) {
  std::size_t count = 0;
  list.for_each_network([&](const Network&) { ++count; });
  return count;
}

}  // namespace

TEST_CASE("a question mark in a client line is one digit") {
  const struct {
    const char* line;
    std::vector<const char*> in, out;
  } rows[] = {
      {"192.86.2?.12?",
       {"192.86.20.120", "192.86.29.129", "192.86.25.123"},
       {"192.86.2.120", "192.86.30.120", "192.86.20.12", "192.86.20.119", "192.86.20.130"}},
      {"192.16?.*",
       {"192.160.0.0", "192.169.255.255"},
       {"192.16.0.0", "192.159.255.255", "192.170.0.0"}},
      {"192.16?", {"192.160.0.0", "192.169.255.255"}, {"192.16.0.0"}},
      {"192.16?.", {"192.165.1.2"}, {"192.16.1.2"}},
      {"192.0.2.?", {"192.0.2.0", "192.0.2.9"}, {"192.0.2.10"}},
      {"192.0.2.??", {"192.0.2.10", "192.0.2.99"}, {"192.0.2.9", "192.0.2.100", "192.0.2.0"}},
      {"192.0.2.???", {"192.0.2.100", "192.0.2.255"}, {"192.0.2.99"}},
      {"192.0.2.25?", {"192.0.2.250", "192.0.2.255"}, {"192.0.2.25"}},
      {"192.0.2.?5", {"192.0.2.15", "192.0.2.95"}, {"192.0.2.5", "192.0.2.14", "192.0.2.115"}},
      {"192.0.2.?0?", {"192.0.2.100", "192.0.2.209"}, {"192.0.2.110", "192.0.2.30"}},
      {"1?.3-4.*.[1-2]", {"10.3.0.1", "19.4.255.2"}, {"1.3.0.1", "10.5.0.1", "10.3.0.3"}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.line);
    const AddressList list = list_of(row.line);
    for (const char* ip : row.in) CHECK_MESSAGE(list.has_client(*Ip::parse(ip)), ip);
    for (const char* ip : row.out) CHECK_MESSAGE(!list.has_client(*Ip::parse(ip)), ip);
  }
}

TEST_CASE("a pattern that no address fits, or too many ranges do, is a bad line") {
  for (const char* line :
       {"192.0.2.0?", "192.0.2.3??", "192.0.2.26?", "192.0.2.????", "192.0.2.?-9", "192.0.2.[?]",
        "192.0.2.?*", "192.0.2.1?/28", "192.0.2.1?.1.1", "*.*.*.?5", "2001:db8::?", "192.0..?"}) {
    CAPTURE(line);
    const auto list = AddressList::parse(line, "list");
    REQUIRE_FALSE(list);
    CHECK(list.error().text.starts_with("list:1: "));
  }
}

TEST_CASE("each address is in a list of random patterns when one of them fits it, in the cdb too") {
  std::mt19937 random(7);
  grey::testing::TemporaryDirectory directory;
  for (int round = 0; round < 40; ++round) {
    std::vector<std::string> patterns;
    std::string text;
    while (patterns.size() < 20) {
      std::string pattern;
      for (int part = 0; part < 4; ++part) {
        std::string digits = std::to_string(random() % (part < 2 ? 20 : 256));
        for (char& digit : digits) digit = random() % 3 == 0 ? '?' : digit;
        pattern += (part == 0 ? "" : ".") + digits;
      }
      if (!AddressList::parse(pattern, "")) continue;  // 2?? of 299, and the like
      patterns.push_back(pattern);
      text += pattern + "\n";
    }
    const AddressList list = list_of(text);
    const std::string path = directory / "list";
    std::ofstream(path) << text;
    REQUIRE(build_list_cdb(path));
    std::filesystem::remove(path);
    const auto lists = load_lists({path, ""});
    REQUIRE(lists);
    const AddressList& cdb = lists->whitelist;
    for (int n = 0; n < 4000; ++n) {
      std::string address = patterns[random() % patterns.size()];
      for (char& c : address) c = c == '?' ? char('0' + random() % 10) : c;
      const auto ip = Ip::parse(address);
      if (!ip) continue;
      CAPTURE(address);
      CHECK(list.has_client(*ip));
      CHECK(cdb.has_client(*ip));
      const Ip other = Ip::from_v4(std::uint32_t(random() % 20 << 24 | random() % 20 << 16 |
                                                 random() % 256 << 8 | random() % 256));
      const std::string other_text = to_string(other);
      const bool fitting = std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) {
        return fits(pattern, other_text);
      });
      CHECK(list.has_client(other) == fitting);
      CHECK(cdb.has_client(other) == fitting);
    }
  }
}

TEST_CASE("patterns become networks that are looked up as any, not lines to be tried") {
  CHECK(networks(list_of("192.16?.*")) == 2);  // 192.160/13, 192.168/15
  CHECK(networks(list_of("192.86.2?.12?")) == 10 * 2);
  CHECK(networks(list_of("192.0.2.???")) == 4);
  CHECK(networks(list_of("?.?.?.?")) == 1000 * 2);
}
