#include "greyd/spf/flattening.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/unit/spf/zone.h"

namespace grey::spf {
namespace {

// ---- as the manual has it ----------------------------------------------------------------------

TEST_CASE("a provider's mail comes from the networks that its SPF record names") {
  const Zone zone{
      "example.com txt v=spf1 include:_spf.example.net a:out.example.com mx ip4:192.0.2.0/24 ~all",
      "_spf.example.net txt v=spf1 ip4:198.51.100.0/25 ip6:2001:db8:1::/48 -all",
      "out.example.com a 203.0.113.5",
      "out.example.com aaaa 2001:db8::5",
      "example.com mx mx1.example.com",
      "mx1.example.com a 203.0.113.9",
  };
  CHECK(shown(zone.flatten("Example.COM.").flattened) ==
        "whole 192.0.2.0/24 198.51.100.0/25 203.0.113.5/32 203.0.113.9/32 2001:db8::5/128 "
        "2001:db8:1::/48");
}

struct Row {
  const char* record;    // of example.com
  const char* expected;  // as shown() has it
};

std::string flatten(std::string_view record, std::initializer_list<const char*> more = {}) {
  Zone zone(more);
  zone.add("example.com txt " + std::string(record));
  return shown(zone.flatten("example.com").flattened);
}

void check(std::initializer_list<Row> rows, std::initializer_list<const char*> zone = {}) {
  for (const Row& row : rows) {
    CAPTURE(row.record);
    CHECK(flatten(row.record, zone) == row.expected);
  }
}

TEST_CASE("what is an SPF record, and what is none") {
  check({
      {"v=spf1", "whole"},
      {"v=spf1 ", "whole"},
      {"V=SPF1 IP4:192.0.2.1", "whole 192.0.2.1/32"},
      {"v=spf1 ip4:192.0.2.1   ip4:192.0.2.9  ", "whole 192.0.2.1/32 192.0.2.9/32"},
      {"v=spf10 ip4:192.0.2.1", "no-record"},
      {"v=spf1\tip4:192.0.2.1", "no-record"},
      {" v=spf1 ip4:192.0.2.1", "no-record"},
      {"spf2.0/pra ip4:192.0.2.1", "no-record"},
      {"v=sp|f1 ip4:19|2.0.2.1", "whole 192.0.2.1/32"},
  });
}

TEST_CASE("of terms the first that holds an address decides, and only + takes") {
  check({
      {"v=spf1 +ip4:192.0.2.1 ~ip4:192.0.2.2 ?ip4:192.0.2.3 -ip4:192.0.2.4", "whole 192.0.2.1/32"},
      {"v=spf1 -ip4:192.0.2.0/31 ip4:192.0.2.0/29 ~all", "whole 192.0.2.2/31 192.0.2.4/30"},
      {"v=spf1 ip4:192.0.2.0/29 -ip4:192.0.2.0/31 ~all", "whole 192.0.2.0/29"},
      {"v=spf1 ?ip6:2001:db8::/127 ip6:2001:db8::/126", "whole 2001:db8::2/127"},
      {"v=spf1 -all ip4:192.0.2.1", "whole"},
      {"v=spf1 ip4:192.0.2.1 +all", "whole 192.0.2.1/32"},
      {"v=spf1 -ip4:0.0.0.0/0 ip4:192.0.2.1", "whole"},
      {"v=spf1 ip4:192.0.2.0 ip4:192.0.2.1", "whole 192.0.2.0/31"},
      {"v=spf1 ip4:192.0.2.77/24", "whole 192.0.2.0/24"},
  });
}

TEST_CASE("include holds what passes the other record, under its own qualifier") {
  const auto zone = {"other.example txt v=spf1 -ip4:192.0.2.1 ip4:192.0.2.0/30 -all"};
  check(
      {
          {"v=spf1 include:other.example -all", "whole 192.0.2.0/32 192.0.2.2/31"},
          {"v=spf1 include:other.example ip4:192.0.2.1 -all", "whole 192.0.2.0/30"},
          {"v=spf1 -include:other.example ip4:192.0.2.0/29 -all",
           "whole 192.0.2.1/32 192.0.2.4/30"},
          {"v=spf1 redirect=other.example", "whole 192.0.2.0/32 192.0.2.2/31"},
          {"v=spf1 redirect=other.example ip4:198.51.100.1",
           "whole 192.0.2.0/32 192.0.2.2/31 198.51.100.1/32"},
          {"v=spf1 redirect=other.example -all", "whole"},
          {"v=spf1 ip4:198.51.100.1 include:nowhere.example ip4:198.51.100.2",
           "missing-record 198.51.100.1/32"},
          {"v=spf1 ip4:198.51.100.1 redirect=nowhere.example", "missing-record 198.51.100.1/32"},
      },
      zone);
}

TEST_CASE("a and mx stand for their addresses, in the network that they name") {
  check(
      {
          {"v=spf1 a", "whole 203.0.113.1/32 2001:db8::1/128"},
          {"v=spf1 A/24//64", "whole 203.0.113.0/24 2001:db8::/64"},
          {"v=spf1 a:host.example//48", "whole 203.0.113.77/32"},
          {"v=spf1 mx:host.example/28", "whole 198.51.100.16/28 2001:db8:7::7/128"},
          {"v=spf1 a/0", "whole 2001:db8::1/128"},
          {"v=spf1 a//16", "whole 203.0.113.1/32"},
          {"v=spf1 -a ip4:203.0.113.0/31", "whole 203.0.113.0/32"},
      },
      {"example.com a 203.0.113.1", "example.com aaaa 2001:db8::1", "host.example a 203.0.113.77",
       "host.example mx one.example", "host.example mx two.example", "one.example a 198.51.100.20",
       "two.example aaaa 2001:db8:7::7"});
}

TEST_CASE("what nobody can tell that denies some leaves nothing of what follows") {
  check(
      {
          {"v=spf1 ip4:192.0.2.1 -exists:x.example ip4:192.0.2.4", "whole 192.0.2.1/32"},
          {"v=spf1 ~exists:%{i}.example ip4:192.0.2.4", "whole"},
          {"v=spf1 ?ptr redirect=sure.example", "whole"},
          {"v=spf1 -include:%{d}.example +ip4:192.0.2.4", "whole"},
          {"v=spf1 exists:%{i}.example ip4:192.0.2.4", "whole 192.0.2.4/32"},
          {"v=spf1 include:denies.example ip4:192.0.2.4", "whole 192.0.2.4/32 192.0.2.9/32"},
          {"v=spf1 -include:denies.example ip4:192.0.2.4", "whole"},
          {"v=spf1 -include:unsure.example ip4:192.0.2.4", "whole"},
          {"v=spf1 -include:sure.example ip4:192.0.2.0/28", "whole"},
      },
      {"denies.example txt v=spf1 ip4:192.0.2.9 -exists:%{i}.example ip4:192.0.2.11",
       "unsure.example txt v=spf1 exists:%{i}.example -all",
       "sure.example txt v=spf1 ip4:192.0.2.0/27 -all"});
}

TEST_CASE("what is not taken") {
  check({
      {"v=spf1 ip4:10.0.0.0/11 ip4:10.0.0.0/12", "whole 10.0.0.0/12"},
      {"v=spf1 ip6:2001:d00::/31 ip6:2001:db8::/32", "whole 2001:db8::/32"},
      {"v=spf1 ip4:0.0.0.0/0 ip6:::/0", "whole"},
      {"v=spf1 ip6:::/64", "whole"},  // it holds ::ffff:0:0/96
      {"v=spf1 ip6:::ffff:192.0.2.1", "whole 192.0.2.1/32"},
      {"v=spf1 include:%{d}.example exists:%{i}.example a:%{s} ip4:192.0.2.1",
       "whole 192.0.2.1/32"},
      {"v=spf1 ip4:192.0.2.1 redirect=%{d2}.example", "whole 192.0.2.1/32"},
      {"v=spf1 ptr exists:there.example ip4:192.0.2.1", "whole 192.0.2.1/32"},
      {"v=spf1 exp=why.example moo=bar a.b-c_d=%{i} ip4:192.0.2.1", "whole 192.0.2.1/32"},
  });
}

TEST_CASE("wide networks that lie side by side do not become one that is too wide") {
  check({
      {"v=spf1 ip4:10.0.0.0/12 ip4:10.16.0.0/12", "whole 10.0.0.0/12 10.16.0.0/12"},
      {"v=spf1 ip6:2001:db8::/32 ip6:2001:db9::/32", "whole 2001:db8::/32 2001:db9::/32"},
      {"v=spf1 ip4:10.0.0.0/13 ip4:10.8.0.0/13", "whole 10.0.0.0/12"},
  });
}

TEST_CASE("an error in a record leaves nothing of that one") {
  for (const char* bad : {"ip4",
                          "ip4:",
                          "ip4:192.0.2",
                          "ip4:192.0.2.1/33",
                          "ip4:192.0.2.1/024",
                          "ip4:2001:db8::1",
                          "ip6:192.0.2.1",
                          "ip6:2001:db8::/129",
                          "ip4:192.0.2.1/",
                          "include",
                          "include:",
                          "exists",
                          "a:",
                          "a/",
                          "a//",
                          "a/33",
                          "a//129",
                          "a:b/24/64",
                          "include:a.example/24",
                          "all:example.com",
                          "all/24",
                          "mx:-",
                          "a:nodot",
                          "a:two..dots",
                          "a:sp\x01rious",
                          "a:b\xc3\xbc.example",
                          "frob",
                          "frob:x.example",
                          "++all",
                          "-",
                          "redirect=",
                          "redirect=x.example redirect=x.example",
                          "exp=x exp=y",
                          "ip4:192.0.2.1,ip4:192.0.2.2",
                          "=x"}) {
    CAPTURE(bad);
    CHECK(flatten("v=spf1 ip4:192.0.2.99 " + std::string(bad)) == "bad-record");
  }
  CHECK(flatten("v=spf1 ip4:192.0.2.1 include:bad.example ip4:192.0.2.2",
                {"bad.example txt v=spf1 ip4:192.0.2.9 frob"}) == "bad-record 192.0.2.1/32");
  CHECK(flatten("v=spf1 a:" + std::string(64, 'x') + ".example") == "bad-record");
  CHECK(flatten("v=spf1 " + std::string(kMaxRecord, 'a') + "=1") == "bad-record");
}

TEST_CASE("a domain has one record") {
  CHECK(flatten("v=spf1 ip4:192.0.2.1", {"example.com txt v=spf1 ip4:192.0.2.2"}) ==
        "several-records");
  CHECK(flatten("v=spf1 ip4:192.0.2.1", {"example.com txt verification=1"}) ==
        "whole 192.0.2.1/32");
}

// ---- bounds ------------------------------------------------------------------------------------

TEST_CASE("ten terms that ask are followed, and not the eleventh, in however many records") {
  std::string record = "v=spf1 ip4:192.0.2.1";
  for (int i = 0; i < 10; ++i) record += " ptr";
  CHECK(flatten(record + " ip4:192.0.2.2") == "whole 192.0.2.1/32 192.0.2.2/32");
  CHECK(flatten(record + " ip4:192.0.2.2 exists:x.example ip4:192.0.2.4") ==
        "too-many-terms 192.0.2.1/32 192.0.2.2/32");
  Zone zone{"example.com txt v=spf1 include:i0.example -all"};
  for (int i = 0; i < 20; ++i) {
    const std::string name = "i" + std::to_string(i) + ".example";
    zone.add(name + " txt v=spf1 ip4:192.0.2." + std::to_string(2 * i) + " include:i" +
             std::to_string(i + 1) + ".example -all");
  }
  const auto outcome = zone.flatten("example.com");
  CHECK(outcome.flattened.ended == Ended::too_many_terms);
  CHECK(outcome.flattened.networks.size() == 10);
  CHECK(outcome.questions == 11);
}

TEST_CASE("loops end by that") {
  const Zone zone{"a.example txt v=spf1 ip4:192.0.2.1 include:b.example",
                  "b.example txt v=spf1 ip4:192.0.2.2 include:a.example",
                  "c.example txt v=spf1 redirect=c.example"};
  CHECK(shown(zone.flatten("a.example").flattened) == "too-many-terms 192.0.2.1/32 192.0.2.2/32");
  CHECK(zone.flatten("a.example").questions == 11);
  CHECK(shown(zone.flatten("c.example").flattened) == "too-many-terms");
}

TEST_CASE("two names that are not there are passed over, and not a third") {
  CHECK(flatten("v=spf1 a:x.example mx:y.example ip4:192.0.2.1") == "whole 192.0.2.1/32");
  CHECK(flatten("v=spf1 a:x.example mx:y.example ip4:192.0.2.1 a:z.example ip4:192.0.2.2") ==
        "too-many-void 192.0.2.1/32");
}

TEST_CASE("ten mail exchangers are asked for, and eleven are too many") {
  Zone zone{"example.com txt v=spf1 ip4:198.51.100.1 mx ip4:198.51.100.2"};
  for (int i = 0; i < 10; ++i) {
    const std::string host = "mx" + std::to_string(i) + ".example";
    zone.add("example.com mx " + host);
    zone.add(host + " a 192.0.2." + std::to_string(2 * i));
  }
  const auto outcome = zone.flatten("example.com");
  CHECK(outcome.flattened.networks.size() == 12);
  CHECK(outcome.widest == 20);
  zone.add("example.com mx mx10.example");
  CHECK(shown(zone.flatten("example.com").flattened) == "too-many-hosts 198.51.100.1/32");
}

TEST_CASE("of all terms' mail exchangers twenty are asked for") {
  Zone zone{"example.com txt v=spf1 ip4:198.51.100.1 mx:a.example mx:b.example mx:c.example"};
  for (const std::string domain : {"a.example", "b.example", "c.example"}) {
    for (int i = 0; i < 9; ++i) {
      const std::string host = "mx" + std::to_string(i) + "." + domain;
      zone.add(domain + " mx " + host);
      zone.add(host + " a 192.0.2." + std::to_string(2 * i));
    }
  }
  const auto outcome = zone.flatten("example.com");
  CHECK(outcome.flattened.ended == Ended::too_many_hosts);
  CHECK(outcome.questions == 1 + 3 + 2 * 18);
}

TEST_CASE("256 networks are kept, and of more the first in order") {
  const auto record_of = [](int count) {
    std::string record = "v=spf1";
    for (int i = 0; i < count; ++i) {
      record +=
          " ip4:10." + std::to_string(i / 128) + "." + std::to_string(2 * (i % 128)) + ".0/24";
    }
    return record;
  };
  const auto flattened = [&](int count) {
    Zone zone{};
    zone.add("example.com txt " + record_of(count));
    return zone.flatten("example.com").flattened;
  };
  CHECK(flattened(256).ended == Ended::whole);
  CHECK(flattened(256).networks.size() == 256);
  CHECK(flattened(257).ended == Ended::too_many_networks);
  CHECK(flattened(600).networks.size() == 256);
  // A range may be many networks.
  CHECK(flatten("v=spf1 -ip6:2001:db8::1 ip6:2001:db8::/32").size() > 90 * 16);
}

// ---- what is known, and for how long -----------------------------------------------------------

TEST_CASE("a failure of the DNS anywhere leaves nothing known") {
  const auto zone = {"gone.example fails txt", "half.example fails aaaa",
                     "half.example a 192.0.2.7", "hosts.example mx half.example"};
  check({{"v=spf1 ip4:192.0.2.1 include:gone.example", "temporary"},
         {"v=spf1 ip4:192.0.2.1 a:half.example", "temporary"},
         {"v=spf1 ip4:192.0.2.1 mx:hosts.example", "temporary"},
         {"v=spf1 ip4:192.0.2.1 -all include:gone.example", "whole 192.0.2.1/32"}},
        zone);
  CHECK(shown(Zone(zone).flatten("gone.example").flattened) == "temporary");
}

TEST_CASE("it holds as long as the shortest of all that was asked, from ten minutes to a day") {
  const Zone zone{"one.example 7200 txt v=spf1 include:two.example",
                  "two.example 1800 txt v=spf1 ip4:192.0.2.1",
                  "short.example 5 txt v=spf1 ip4:192.0.2.1",
                  "long.example 2000000000 txt v=spf1 ip4:192.0.2.1", "bad.example -5 txt v=spf1"};
  CHECK(zone.flatten("one.example").flattened.ttl == 1800);
  CHECK(zone.flatten("short.example").flattened.ttl == 600);
  CHECK(zone.flatten("long.example").flattened.ttl == 86400);
  CHECK(shown(zone.flatten("nowhere.example").flattened) == "no-record");
  CHECK(zone.flatten("nowhere.example").flattened.ttl == 3600);
}

TEST_CASE("what is no domain's name is not asked for") {
  const Zone zone{};
  for (const std::string& name :
       {std::string(), std::string("."), std::string("localhost"), std::string("two..dots.example"),
        std::string("[192.0.2.1]"), std::string("sp ace.example"), std::string("nul\0.example", 12),
        std::string("b\xc3\xbc.example"), std::string(64, 'x') + ".example", std::string(254, 'x'),
        "x." + std::string(300, 'y')}) {
    CAPTURE(name);
    const auto outcome = zone.flatten(name);
    CHECK(shown(outcome.flattened) == "not-a-domain");
    CHECK(outcome.questions == 0);
  }
}

TEST_CASE("data that is not well formed is none") {
  CHECK(read_txt(std::string("\3abc\2de", 7)) == "abcde");
  CHECK_FALSE(read_txt(std::string("\3ab", 3)));
  CHECK_FALSE(read_a("abc"));
  CHECK_FALSE(read_aaaa(std::string(10, '\0') + "\xff\xff" + "abcd"));
  CHECK(read_mx(std::string("\0\0\0", 3)) == "");
  CHECK(read_mx(std::string("\0\1\2MX\7example\0", 14)) == "mx.example");
  CHECK_FALSE(read_mx(std::string("\0\1\2mx\7exam", 10)));
  CHECK_FALSE(read_mx(std::string("\0\1\2mx\0x", 7)));
  CHECK_FALSE(read_mx(std::string("\0\1\4m.x.\7example\0", 16)));
}

}  // namespace
}  // namespace grey::spf
