// Which entry of a list has named somebody, and which entries are hardly meant as they stand.
#include <doctest/doctest.h>

#include <random>
#include <vector>

#include "greyd/core/greylist.h"
#include "greyd/lists/address_list.h"
#include "tests/unit/lists/list_of.h"

using namespace grey;
using testing::list_of;

namespace {

std::string text_of(const Matched& entry) {
  if (!entry) return "none";
  return entry.file() + ":" + (entry.line > 0 ? std::to_string(entry.line) : entry.key());
}

std::string client(const AddressList& list, const char* ip) {
  return text_of(list.find_client(*Ip::parse(ip)));
}

}  // namespace

TEST_CASE("what a list names it names by file and line") {
  const AddressList list = list_of(
      "# comment\n192.0.2.1\n\n2001:db8::/32 # why\nmx.example.com\n.example.net\n"
      "user@example.org\n@b.example\nto:post@c.example\nto:@.d.example\n");
  CHECK(client(list, "192.0.2.1") == "list:2");
  CHECK(client(list, "64:ff9b::192.0.2.1") == "list:2");
  CHECK(client(list, "2001:db8::9") == "list:4");
  CHECK(client(list, "192.0.2.2") == "none");
  CHECK(text_of(list.find_client_name("MX.example.com")) == "list:5");
  CHECK(text_of(list.find_client_name("a.b.example.net")) == "list:6");
  CHECK(text_of(list.find_sender("USER@example.org")) == "list:7");
  CHECK(text_of(list.find_sender("any@b.example")) == "list:8");
  CHECK(text_of(list.find_sender("")) == "none");
  CHECK(text_of(list.find_recipient("post@c.example")) == "list:9");
  CHECK(text_of(list.find_recipient("x@y.d.example")) == "list:10");
}

TEST_CASE("of several entries the widest network, else the first line, is the one that is named") {
  const AddressList list = list_of(
      "10.1.0.0/16\n10.0.0.0/8\n192.0.2.0-127\n192.0.2.64-255\n198.51.100.7\n198.51.100.7\n"
      "198.51.100.8\na@x.example\na@x.example\n@x.example\n");
  CHECK(client(list, "10.1.2.3") == "list:2");
  CHECK(client(list, "192.0.2.100") == "list:3");
  CHECK(client(list, "192.0.2.128") == "list:4");
  CHECK(client(list, "198.51.100.7") == "list:5");
  CHECK(client(list, "198.51.100.8") == "list:7");
  CHECK(text_of(list.find_sender("a@x.example")) == "list:8");
}

TEST_CASE("the line that is named is always one whose entry holds the client") {
  for (unsigned seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::string text;
    std::vector<AddressList> lines;
    for (int i = 0; i < 25; ++i) {
      std::string line = "192.0.2.";
      if (random() % 2 == 0) {
        line += std::to_string(random() % 256) + "/" + std::to_string(24 + random() % 9);
      } else {
        const unsigned low = unsigned(random() % 256);
        line += std::to_string(low) + "-" + std::to_string(low + random() % (256 - low));
      }
      lines.push_back(list_of(line));
      text += line + "\n";
    }
    const AddressList list = list_of(text);
    for (unsigned last = 0; last < 256; ++last) {
      const Ip ip = *Ip::parse("192.0.2." + std::to_string(last));
      bool any = false;
      for (const AddressList& line : lines) any = any || line.has_client(ip);
      REQUIRE(list.has_client(ip) == any);
      const Matched entry = list.find_client(ip);
      REQUIRE(bool(entry) == any);
      if (any) REQUIRE(lines.at(entry.line - 1).has_client(ip));
    }
  }
}

TEST_CASE("several texts are one list, each with lines of its own") {
  const ListText texts[] = {{"192.0.2.1\n", "list"},
                            {"", "empty"},
                            {"# mine\n192.0.2.1\n192.0.2.2\nme@x.example", "list.local"}};
  const auto list = AddressList::parse(texts);
  REQUIRE(list);
  CHECK(list->entries() == 4);
  CHECK(client(*list, "192.0.2.1") == "list:1");
  CHECK(client(*list, "192.0.2.2") == "list.local:3");
  CHECK(text_of(list->find_sender("me@x.example")) == "list.local:4");

  const ListText bad[] = {{"192.0.2.1\n", "list"}, {"\nnonsense\n", "list.local"}};
  const auto error = AddressList::parse(bad);
  REQUIRE_FALSE(error);
  CHECK(error.error().text.starts_with("list.local:2: not an address"));
}

TEST_CASE("what is hardly meant as it stands is warned of, and taken") {
  const AddressList list = list_of(
      "192.0.2.0/24\n10.1.2.3/8\n172.16.5/12\n2001:db8::1/32\n192.0.2.7/32\n::1/128\n"
      "::ffff:10.0.0.1/104\n*.example.com\n.example.net\n*@x.example\n10.1-4.*.1\n10.*.*.1\n"
      "10.1-5.*.1\n");
  CHECK(list.warnings() ==
        std::vector<std::string>{"list:2: 10.1.2.3/8 is taken as 10.0.0.0/8",
                                 "list:3: 172.16.5/12 is taken as 172.16.0.0/12",
                                 "list:4: 2001:db8::1/32 is taken as 2001:db8::/32",
                                 "list:7: ::ffff:10.0.0.1/104 is taken as 10.0.0.0/8",
                                 "list:8: *.example.com is taken as .example.com",
                                 "list:12: 10.*.*.1 stands for 65536 ranges of addresses, with "
                                 "what they take of memory",
                                 "list:13: 10.1-5.*.1 stands for 1280 ranges of addresses, with "
                                 "what they take of memory"});
  CHECK(client(list, "10.9.9.9") == "list:2");
  CHECK(text_of(list.find_client_name("mx.example.com")) == "list:8");
}

TEST_CASE("an entry that names everybody is warned of, however it is written") {
  for (const char* all :
       {"0.0.0.0/0", "0/0", "1.2.3.4/0", "*.*.*.*", "*", "0-255", "::ffff:0:0/96"}) {
    CAPTURE(all);
    const auto warnings = list_of("10.0.0.0/8\n\n" + std::string(all)).warnings();
    REQUIRE_FALSE(warnings.empty());
    CHECK(warnings[0] == "list:3: names every IPv4 client");
  }
  CHECK(list_of("::/0\n2001:db8::1").warnings().at(0) == "list:1: names every IPv6 client");
  CHECK(list_of("0.0.0.0/1\n::1").warnings().empty());
}

TEST_CASE("a list of nothing but doubtful lines has a few warnings, the heaviest among them") {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "10.0.0.1/8\n";
  const auto warnings = list_of(text + "0.0.0.0/0\n").warnings();
  REQUIRE(warnings.size() == 12);
  CHECK(warnings[0] == "list:1001: names every IPv4 client");
  CHECK(warnings[11] == "list: 990 more lines that are hardly meant so");
}

TEST_CASE("a decision that a list has made carries its entry, and keeps it when the list is gone") {
  Greylist greylist(Policy{}, 100, HashKey{});
  Lists lists{list_of("192.0.2.1\nto:a@x.example\n"), list_of("192.0.2.66\n")};
  const auto decide = [&](std::string_view datagram) {
    wire::Query query;
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    return greylist.decide(query, lists, 1000);
  };
  using namespace std::string_view_literals;
  const Decided white = decide("I192.0.2.1\0Fb@y.example\0Tc@z.example\0"sv);
  const Decided recipient = decide("I192.0.2.2\0Fb@y.example\0Tc@z.example\0TA@x.example\0"sv);
  const Decided black = decide("I192.0.2.66\0Fb@y.example\0TA@x.example\0"sv);
  const Decided none = decide("I192.0.2.2\0Fb@y.example\0Tc@z.example\0"sv);
  lists = {};
  CHECK(white.reason == wire::Reason::whitelisted);
  CHECK(text_of(white.matched) == "list:1");
  CHECK(text_of(recipient.matched) == "list:2");
  CHECK(black.reason == wire::Reason::blacklisted);
  CHECK(text_of(black.matched) == "list:1");
  CHECK(none.reason == wire::Reason::new_triplet);
  CHECK_FALSE(none.matched);
}
