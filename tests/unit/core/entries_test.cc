#include "greyd/core/entries.h"

#include <doctest/doctest.h>

#include <string>

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
