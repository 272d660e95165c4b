#include "greyd/core/entries.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

using namespace grey;

namespace {

constexpr Seconds kNow = 1'700'000'000;

Entry allow(std::string text, std::optional<Seconds> until = {}) {
  return {Entry::Kind::allow, std::move(text), kNow, until, "root"};
}
Entry block(std::string text) {
  return {Entry::Kind::block, std::move(text), kNow, {}, "root"};
}
bool names(const Entries& entries, Entry::Kind kind, const char* client) {
  return entries.list(kind, "entries").list.has_client(*Ip::parse(client));
}

}  // namespace

TEST_CASE("a network that is let through for a month is let through, and then not any more") {
  Entries entries;
  REQUIRE(entries.put(allow("192.0.2.0/24", kNow + 30 * 86400)));
  CHECK(names(entries, Entry::Kind::allow, "192.0.2.7"));
  CHECK_FALSE(names(entries, Entry::Kind::block, "192.0.2.7"));
  CHECK(entries.next_end() == kNow + 30 * 86400);
  CHECK(entries.expire(kNow + 30 * 86400 - 1) == 0);
  CHECK(entries.expire(kNow + 30 * 86400) == 1);
  CHECK_FALSE(names(entries, Entry::Kind::allow, "192.0.2.7"));
  CHECK_FALSE(entries.next_end());
}

TEST_CASE("what names the same is one entry, and the last word holds") {
  Entries entries;
  REQUIRE(entries.put(allow("*@Example.com", kNow + 60)));
  REQUIRE(entries.put(block("@example.com")));
  CHECK(entries.size() == 1);
  CHECK(entries.list(Entry::Kind::block, "entries").list.has_sender("joe@example.com"));
  CHECK_FALSE(entries.list(Entry::Kind::allow, "entries").list.has_sender("joe@example.com"));
  CHECK(entries.remove("@EXAMPLE.com").value());
  CHECK(entries.size() == 0);
  CHECK_FALSE(entries.remove("@example.com").value());
  REQUIRE(entries.put(allow("192.168.2.*")));
  CHECK(entries.remove("192.168.2.0/24").value());
}

TEST_CASE("a line of the list leads to its entry") {
  Entries entries;
  for (const char* text :
       {"192.0.2.1", "2001:db8::/32", ".example.org", "a@example.com", "to:b@example.net"}) {
    REQUIRE(entries.put(allow(text)));
  }
  const Entries::List list = entries.list(Entry::Kind::allow, "entries");
  CHECK(list.list.entries() == 5);
  const Matched matched = list.list.find_recipient("b@example.net");
  REQUIRE(matched);
  CHECK(matched.file() == "entries");
  CHECK(list.lines.at(matched.line - 1).text == "to:b@example.net");
}

TEST_CASE("what is no entry is said, and nothing has changed") {
  Entries entries;
  REQUIRE(entries.put(block("192.0.2.1")));
  for (const char* bad : {"", " ", "# a comment", "192.0.2.2 # a comment", "192.0.2.2\n192.0.2.3",
                          "nonsense", "bounce-*@example.com", "192.0.2.0/99"}) {
    CAPTURE(bad);
    const auto put = entries.put(allow(bad));
    REQUIRE_FALSE(put);
    CHECK(put.error().exit_code == kExitMisuse);
    CHECK(put.error().text.find('\n') == std::string::npos);
    CHECK_FALSE(entries.remove(bad));
  }
  CHECK(entries.size() == 1);
}

TEST_CASE("an entry that a list would pass over in part keeps no other from being read") {
  Entries entries;
  REQUIRE(entries.put(allow("192.0.2.1")));
  CHECK_FALSE(
      entries.put(allow("\xEF\xBB\xBF"
                        "192.0.2.2")));
  CHECK_FALSE(entries.put(allow(std::string(1000, ' ') + "x" + std::string(600, 'y'))));
  REQUIRE(entries.put(allow("  192.0.2.3\t\r")));
  CHECK(names(entries, Entry::Kind::allow, "192.0.2.1"));
  CHECK(names(entries, Entry::Kind::allow, "192.0.2.3"));
  CHECK(entries.list(Entry::Kind::allow, "entries").lines.at(1).text == "192.0.2.3");
  CHECK(entries.remove(" 192.0.2.3 ").value());
}

TEST_CASE("there are no more than so many, and one of them can still be changed") {
  Entries entries;
  for (std::size_t i = 0; i < Entries::kMax; ++i) {
    REQUIRE(entries.put(block("10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256))));
  }
  CHECK_FALSE(entries.put(block("192.0.2.1")));
  CHECK(entries.put(allow("10.0.0.7")));
  CHECK(entries.size() == Entries::kMax);
  CHECK(names(entries, Entry::Kind::allow, "10.0.0.7"));
  CHECK_FALSE(names(entries, Entry::Kind::block, "10.0.0.7"));
}

TEST_CASE("an entry counts as so many as it has ranges of addresses, however short it is") {
  struct {
    const char* text;
    std::size_t ranges;
  } const table[] = {
      {"192.0.2.1", 1},        {"192.0.2.0/24", 1},   {"2001:db8::/32", 1}, {"192.168.", 1},
      {"10.*.*.*", 1},         {"192.168.3-4.45", 2}, {"192.168.*.1", 256}, {"10.1.*.?", 256},
      {"10.[3-4].*.1-9", 512}, {"10.1.*.?1", 2304},   {"10.*.*.1", 65536},  {"*.*.*.1", 16777216},
      {"*.*.*.?1", 150994944}, {"mx.example.com", 0}, {"192.0.2.1.1", 0},   {"192.0.2.0/99", 0},
  };
  for (const auto& row : table) {
    CAPTURE(row.text);
    CHECK(NetworkSet::ranges_of(row.text) == row.ranges);
    if (row.ranges == 0) continue;
    Entries entries;
    const auto put = entries.put(allow(row.text));
    REQUIRE(put.has_value() == (row.ranges <= Entries::kMaxRanges));
    CHECK(entries.counted() == (put ? row.ranges : 0));
    if (put) continue;
    CHECK(put.error().exit_code == kExitMisuse);
    CHECK(put.error().text == std::string(row.text) +
                                  " stands for more than 256 ranges of addresses: only a list's "
                                  "file may have it");
  }
}

TEST_CASE("entries of many ranges fill what there is room for, and leave it when they are over") {
  Entries entries;
  for (int i = 0; i < 39; ++i) {
    REQUIRE(entries.put(allow("10." + std::to_string(i) + ".*.1", kNow + (i == 0 ? 10 : 20))));
  }
  CHECK(entries.counted() == 39 * 256);
  CHECK(entries.put(allow("10.7.0-255.1", kNow + 20)));  // the same as one of them
  CHECK(entries.put(allow("192.0.2.1")));
  const auto put = entries.put(allow("10.99.*.1"));
  REQUIRE_FALSE(put);
  CHECK(put.error().text ==
        "there are 9985 entries already, of 10000 that there can be, and 10.99.*.1 counts as 256");
  CHECK(entries.expire(kNow + 10) == 1);
  CHECK(entries.put(allow("10.99.*.1")));
  CHECK(entries.remove("10.99.*.1").value());
  CHECK(entries.remove("192.0.2.1").value());
  CHECK(entries.expire(kNow + 20) == 38);
  CHECK(entries.counted() == 0);
}

TEST_CASE("patterns of one meaning are one entry, and none has a long name") {
  const std::vector<std::vector<const char*>> meanings = {
      {"192.168.3-4.45", "192.168.[3-4].45", "192.168.3-4.45-45", " 192.168.[3-4].[45] "},
      {"192.168.3-4.4"},
      {"192.168.3-4", "192.168.3-4.*", "192.168.[3-4]."},
      {"10.1.*.?", "10.1.0-255.0-9"},
      {"10.1.?", "10.1.0-9.0-255"},
      {"10.1.0-9.0-254"},
      {"192.168.5.??", "192.168.5.10-99"},
      {"10.1.2?.1", "10.1.20-29.1"},
      {"10.1.*.3-250"},
      {"?.?.1.?"},
      {"1?.1.11.?5"},
  };
  std::set<std::string> names;
  for (const auto& texts : meanings) {
    const auto name = Entries::key_of(texts.front());
    REQUIRE(name);
    CHECK(name->size() < 1000);
    CHECK(names.insert(*name).second);
    for (const char* const text : texts) {
      CAPTURE(text);
      CHECK(Entries::key_of(text) == *name);
    }
  }
}
