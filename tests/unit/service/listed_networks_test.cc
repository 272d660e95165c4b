// Entries `spf:domain` of lists and rules: what they name as networks become known, and what is
// kept of these.
#include "greyd/service/listed_networks.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "greyd/base/background.h"
#include "greyd/base/files.h"
#include "greyd/lists/list_cdb.h"
#include "greyd/spf/messages.h"
#include "tests/temporary_directory.h"

namespace grey {
namespace {

constexpr Seconds kNow = 1'700'000'000;

spf::Flattened flattened(const std::string& text) {
  const auto read = spf::read_flattened(text);
  REQUIRE(read);
  return *read;
}

std::vector<Network> networks(const std::string& text) {
  return flattened("whole 600 " + text).networks;
}

// ---- lists -------------------------------------------------------------------------------------

TEST_CASE(
    "an entry spf:domain names nobody until its networks are known, and then who is in them") {
  auto list = AddressList::parse(
      "192.0.2.1\nspf:Example.com  # theirs\nspf:b\xc3\xbc"
      "cher.example\n",
      "FILE");
  REQUIRE(list);
  CHECK(list->entries() == 3);
  std::vector<std::string> domains;
  list->for_each_domain([&](const std::string& domain) { domains.push_back(domain); });
  CHECK(domains == std::vector<std::string>{"example.com", "xn--bcher-kva.example"});
  const Ip inside = *Ip::parse("198.51.100.7"), six = *Ip::parse("2001:db8::1");
  CHECK_FALSE(list->has_client(inside));
  const auto all = networks("198.51.100.0/24 2001:db8::/32");
  list->learn([&](std::string_view domain) { return domain == "example.com" ? &all : nullptr; });
  CHECK(list->has_client(inside));
  CHECK(list->find_client(inside).line == 2);
  CHECK(list->find_client(six).line == 2);
  CHECK(list->find_client(*Ip::parse("192.0.2.1")).line == 1);
  CHECK_FALSE(list->has_client(*Ip::parse("198.51.101.7")));
  // What translators write into IPv6 addresses, as with other entries.
  CHECK(list->has_client(*Ip::parse("64:ff9b::198.51.100.7")));
  list->learn([](std::string_view) { return nullptr; });
  CHECK_FALSE(list->has_client(inside));
}

TEST_CASE("what is no domain after spf: is a bad line") {
  for (const char* bad : {"spf:", "spf:nodot", "spf:.example.com", "spf:*.example.com",
                          "spf:[192.0.2.1]", "spf:192.0.2.0/24", "spf:a@example.com",
                          "spf:two..dots", "spf: example.com", "spf:example.com example.org"}) {
    CAPTURE(bad);
    const auto list = AddressList::parse(bad, "FILE");
    REQUIRE_FALSE(list);
    CHECK(list.error().text.starts_with("FILE:1: not an address, network, host name, sender, "));
  }
}

TEST_CASE("a cdb has none of these entries, and says so") {
  const auto built = make_list_cdb("192.0.2.1\nspf:example.com\nspf:example.org\n", "FILE");
  REQUIRE(built);
  CHECK(built->keys == 1);
  CHECK(built->left == 2);
}

// ---- rules -------------------------------------------------------------------------------------

constexpr RuleLimits kLimits{300, 43'200, 604'800, true};

std::uint32_t rule_of(const RuleList& rules, const char* client, const char* recipient) {
  RuleList::Asked asked;
  rules.ask(*Ip::parse(client), "", "a@example.org", asked);
  const auto rule = asked.rule_for(recipient);
  return rule == RuleList::kNone ? 0 : rules.matched(rule).line;
}

TEST_CASE("a rule may name who is in a domain's networks, alone or with others") {
  const auto rules = RuleList::parse(
      "spf:example.com to:@example.net off\nspf:example.com min-resend 1m\nspf:example.org off\n"
      "198.51.100.0/25 off\n",
      "FILE", kLimits);
  REQUIRE(rules);
  CHECK(rules->domains() == std::vector<std::string>{"example.com", "example.org"});
  CHECK(rule_of(*rules, "198.51.100.7", "b@example.net") == 4);
  const auto all = networks("198.51.100.0/24");
  const auto known = rules->with_networks(
      [&](std::string_view domain) { return domain == "example.com" ? &all : nullptr; });
  REQUIRE(known);
  CHECK(rule_of(*known, "198.51.100.7", "b@example.net") == 1);
  CHECK(rule_of(*known, "198.51.100.7", "b@example.com") == 2);
  CHECK(rule_of(*known, "198.51.101.7", "b@example.com") == 0);
  CHECK(known->size() == 4);
  const auto again = known->with_networks([](std::string_view) { return nullptr; });
  REQUIRE(again);
  CHECK(rule_of(*again, "198.51.100.7", "b@example.net") == 4);
}

TEST_CASE("whether a rule can match is not said by networks that come and go") {
  CHECK(
      RuleList::parse("spf:example.com off\nspf:example.com to:a@b.example on\n", "FILE", kLimits));
  CHECK_FALSE(RuleList::parse("* off\n192.0.2.1 on\n", "FILE", kLimits));
  const auto bad = RuleList::parse("spf:nodot off\n", "FILE", kLimits);
  REQUIRE_FALSE(bad);
  CHECK(bad.error().text.starts_with("FILE:1: not an address, "));
  CHECK_FALSE(
      RuleList::parse("spf:example.com 192.0.2.1 off\n", "FILE", kLimits));  // two addresses
}

// ---- what is kept ------------------------------------------------------------------------------

struct Fixture {
  Fixture()
      : listed(path(), background, [this](const std::string& text) { said.push_back(text); }) {
    listed.ask_by([this](const std::string& domain, Seconds) { asked.push_back(domain); });
  }
  std::string path() const { return directory.path() + "/context.networks"; }
  std::vector<std::string> asked_at(Seconds now) {
    asked.clear();
    listed.tick(now);
    return asked;
  }

  testing::TemporaryDirectory directory;
  InlineBackground background;
  std::vector<std::string> said, asked;
  ListedNetworks listed;
};

using Words = std::vector<std::string>;

TEST_CASE("each domain is asked for again when its time is over") {
  Fixture f;
  f.listed.follow({"a.example", "b.example"}, kNow);
  CHECK(f.asked_at(kNow) == Words{"a.example", "b.example"});
  CHECK(f.asked_at(kNow + 1).empty());
  CHECK(f.listed.take("a.example", flattened("whole 3600 192.0.2.0/24"), kNow + 1));
  CHECK_FALSE(f.listed.take("c.example", flattened("whole 3600 192.0.2.0/24"), kNow + 1));
  CHECK(f.asked_at(kNow + 60) == Words{"b.example"});
  CHECK(f.asked_at(kNow + 3601) == Words{"a.example", "b.example"});
  CHECK_FALSE(f.listed.take("a.example", flattened("whole 3600 192.0.2.0/24"), kNow + 3602));
  CHECK(f.listed.take("a.example", flattened("whole 3600 192.0.2.0/25"), kNow + 3603));
  f.listed.follow({"b.example"}, kNow + 3604);
  CHECK(f.asked_at(kNow + 100'000) == Words{"b.example"});
}

TEST_CASE("who looks into it is told what the last answer was, and that none has come yet") {
  Fixture f;
  f.listed.follow({"a.example"}, kNow);
  f.listed.tick(kNow);
  REQUIRE(f.listed.standing().size() == 1);
  CHECK_FALSE(f.listed.standing()[0].last);
  f.listed.take("a.example", flattened("temporary 600"), kNow + 1);
  CHECK(f.listed.standing()[0].last == spf::Ended::temporary);
  CHECK(f.listed.standing()[0].known == nullptr);
}

TEST_CASE("what is good stays in force while the DNS fails, and a week against a bad record") {
  Fixture f;
  f.listed.follow({"a.example"}, kNow);
  f.listed.tick(kNow);
  f.listed.take("a.example", flattened("whole 600 192.0.2.0/24"), kNow);
  CHECK_FALSE(f.listed.take("a.example", flattened("temporary 600"), kNow + 600));
  CHECK_FALSE(f.listed.take("a.example", flattened("no-record 600"), kNow + 1200));
  REQUIRE(f.listed.networks("a.example") != nullptr);
  CHECK(f.listed.networks("a.example")->size() == 1);
  CHECK(f.listed.take("a.example", flattened("no-record 600"), kNow + ListedNetworks::kKept));
  CHECK(f.listed.networks("a.example")->empty());
}

TEST_CASE("one that names nobody is told of once, with why") {
  Fixture f;
  f.listed.follow({"a.example", "b.example"}, kNow);
  f.listed.tick(kNow);
  f.listed.take("a.example", flattened("several-records 600"), kNow);
  f.listed.tick(kNow + 1);
  f.listed.tick(kNow + 2);
  const std::string a =
      "spf:a.example: names nobody: it has several SPF records, or one that it includes has";
  CHECK(f.said == Words{a});
  f.listed.tick(kNow + ListedNetworks::kPatience);
  CHECK(f.said == Words{a, "spf:b.example: names nobody: the DNS gave no answer"});
  CHECK(f.listed.problems(kNow + ListedNetworks::kPatience).size() == 2);
  f.listed.take("b.example", flattened("whole 600 192.0.2.0/24"), kNow + 301);
  CHECK(f.listed.problems(kNow + 301) == Words{a});
}

TEST_CASE("what is known outlives a restart, for what is listed then") {
  Fixture f;
  f.listed.follow({"a.example", "b.example"}, kNow);
  f.listed.tick(kNow);
  f.listed.take("a.example", flattened("whole 3600 192.0.2.0/24 2001:db8::/32"), kNow);
  f.listed.take("b.example", flattened("no-record 600"), kNow);
  f.listed.tick(kNow + 11);
  CHECK(read_file(f.path())->value_or("") ==
        "qmail-greyd networks 1\n# domain known-since end ttl networks; written by the daemon\n"
        "a.example 1700000000 whole 3600 192.0.2.0/24 2001:db8::/32\n"
        "b.example 1700000000 no-record 600\nend 2\n");
  f.listed.follow({"a.example"}, kNow);
  f.listed.take("a.example", flattened("whole 3600 192.0.2.0/25"), kNow + 12);
  f.listed.save();
  Fixture next;
  ListedNetworks again(f.path(), f.background, [](const std::string&) {});
  std::string note;
  again.load(kNow + 100, note);
  CHECK(note.empty());
  REQUIRE(again.networks("a.example") != nullptr);
  CHECK(to_string(again.networks("a.example")->front()) == "192.0.2.0/25");
  CHECK(again.networks("b.example") == nullptr);
}

TEST_CASE("of a damaged file the good lines count, and what cannot be read is not written over") {
  Fixture f;
  REQUIRE(replace_file(f.path(),
                       "qmail-greyd networks 1\na.example 1700000000 whole 3600 192.0.2.0/24\n"
                       "b.example 1700000000 whole 3600 0.0.0.0/0\nend 2\n"));
  std::string note;
  f.listed.load(kNow, note);
  CHECK(note.find(":3: is no domain's networks; kept as ") != std::string::npos);
  CHECK(f.listed.networks("a.example") != nullptr);
  CHECK(f.listed.networks("b.example") == nullptr);
}

}  // namespace
}  // namespace grey
