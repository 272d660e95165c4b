#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "greyd/lists/address_list.h"
#include "greyd/lists/domain_name.h"
#include "tests/unit/lists/entry_query.h"
#include "tests/unit/lists/list_of.h"

using namespace grey;
using testing::list_of;

namespace {

// A list's keys in a store of their own, as a cdb has them.
class Keys : public EntryLookup {
 public:
  explicit Keys(const AddressList& list) : labels_(list.domain_labels()) {
    list.for_each_key([&](std::string_view key) { keys_.emplace(key); });
    std::set<unsigned> prefixes;
    list.for_each_network([&](const Network& network) { prefixes.insert(network.prefix); });
    prefixes_.assign(prefixes.begin(), prefixes.end());
  }
  bool contains(std::string_view key) const override { return keys_.contains(std::string(key)); }
  const std::vector<unsigned>& prefixes() const override { return prefixes_; }
  std::size_t domain_labels() const override { return labels_; }

 private:
  std::set<std::string> keys_;
  std::vector<unsigned> prefixes_;
  std::size_t labels_;
};

AddressList behind_keys(const AddressList& list) {
  AddressList other;
  other.add_lookup(std::make_shared<Keys>(list), "keys");
  return other;
}

}  // namespace

TEST_CASE("each form of a mailbox names what it says, for senders and recipients") {
  const struct {
    const char* entry;
    std::vector<std::string> in, out;
  } rows[] = {
      {"user@example.com",
       {"user@example.com", "USER@Example.COM", "user@example.com.", "\"user\"@example.com",
        "\"\\user\"@example.com"},
       {"user@a.example.com", "auser@example.com", "user", "user@", "user@example.com..", ""}},
      {"@example.com",
       {"any@example.com", "@example.com", "a@b@example.com",
        std::string(500, 'x') + "@example.com"},
       {"any@a.example.com", "any@badexample.com", "any@example.com.org", "example.com", ""}},
      {"*@example.com", {"any@example.com"}, {"any@a.example.com"}},
      {"@.example.com",
       {"any@a.example.com", "any@a.b.example.com", "any@A.Example.com."},
       {"any@example.com", "any@badexample.com", "any@a.example.com.org", "a.example.com"}},
      {"*@.example.com", {"any@a.example.com"}, {"any@example.com"}},
      {"@*.example.com", {"any@a.example.com"}, {"any@example.com"}},
      {"user@.example.com",
       {"user@a.example.com", "User@a.b.example.com"},
       {"user@example.com", "any@a.example.com"}},
      {"@.com", {"any@example.com", "any@a.example.com"}, {"any@com", "any@example.org"}},
      {"@localhost", {"any@localhost"}, {"any@localhost.example.com", "any@a.localhost"}},
      {"postmaster@",
       {"postmaster@example.com", "Postmaster@a.b.example", "postmaster", "POSTMASTER",
        "postmaster@", "postmaster@[192.0.2.1]", "postmaster@localhost"},
       {"apostmaster@example.com", "postmaster@a@b", "", "@", "@postmaster"}},
      {"user@[192.0.2.1]", {"user@[192.0.2.1]"}, {"user@192.0.2.1", "user@[192.0.2.2]"}},
      {"@[IPv6:2001:db8::1]",
       {"any@[IPv6:2001:db8::1]", "any@[ipv6:2001:DB8:0::1]"},
       {"any@[2001:db8::1]", "any@[IPv6:2001:db8::2]", "any@[IPv6:2001:db8::1"}},
      {"\"john doe\"@example.com",
       {"john doe@example.com", "\"john doe\"@example.com", "\"John\\ Doe\"@example.com"},
       {"johndoe@example.com", "doe@example.com"}},
      {"\"a@b\"@example.com", {"a@b@example.com", "\"a@b\"@example.com"}, {"b@example.com"}},
      {"\"a#b\"@example.com # a comment", {"a#b@example.com"}, {"a@example.com"}},
      {"\"q\\\"#\"@example.com#x", {"q\"#@example.com"}, {}},
      {"\"*\"@example.com", {"*@example.com"}, {"any@example.com"}},
      {"user+tag@example.com", {"user+tag@example.com"}, {"user@example.com"}},
      {"j\xC3\xB6rg@example.com", {"j\xC3\xB6rg@example.com", "J\xC3\xB6RG@example.com"}, {}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.entry);
    const AddressList senders = list_of(row.entry);
    const AddressList recipients = list_of("to:" + std::string(row.entry));
    const AddressList sender_keys = behind_keys(senders);
    const AddressList recipient_keys = behind_keys(recipients);
    for (const std::string& address : row.in) {
      CAPTURE(address);
      CHECK(senders.has_sender(address));
      CHECK(recipients.has_recipient(address));
      CHECK(sender_keys.has_sender(address));
      CHECK(recipient_keys.has_recipient(address));
      CHECK_FALSE(senders.has_recipient(address));
      CHECK_FALSE(recipients.has_sender(address));
      CHECK_FALSE(sender_keys.has_recipient(address));
    }
    for (const std::string& address : row.out) {
      CAPTURE(address);
      CHECK_FALSE(senders.has_sender(address));
      CHECK_FALSE(recipients.has_recipient(address));
      CHECK_FALSE(sender_keys.has_sender(address));
      CHECK_FALSE(recipient_keys.has_recipient(address));
    }
  }
}

TEST_CASE(
    "a domain with letters beyond ASCII is one in both its forms, in the list and in a query") {
  const struct {
    const char *u_label, *a_label;
  } rows[] = {
      {"b\xC3\xBC"
       "cher.example",
       "xn--bcher-kva.example"},
      {"B\xC3\x9C"
       "CHER.Example",
       "XN--BCHER-KVA.example"},
      {"bu\xCC\x88"
       "cher.example",
       "xn--bcher-kva.example"},  // u and its dots by themselves
      {"stra\xC3\x9F"
       "e.example",
       "xn--strae-oqa.example"},
      {"\xD0\xBF\xD0\xBE\xD1\x87\xD1\x82\xD0\xB0.\xD1\x80\xD1\x84", "xn--80a1acny.xn--p1ai"},
      {"\xE4\xBE\x8B\xE5\xAD\x90.\xE6\xB5\x8B\xE8\xAF\x95", "xn--fsqu00a.xn--0zwm56d"},
      {"mail.\xC3\xA9t\xC3\xA9.example", "mail.xn--t-9fab.example"},
  };
  for (const auto& row : rows) {
    for (const std::string entry : {row.u_label, row.a_label}) {
      CAPTURE(entry);
      const AddressList list =
          list_of(entry + "\n." + entry + "\n@" + entry + "\nto:@." + entry + "\nto:user@" + entry);
      const AddressList keys = behind_keys(list);
      std::vector<std::string> names{row.a_label};
      // An entry in A-labels knows the other form as it has to be sent, composed (RFC 5891, 5.2).
      const bool composed = std::string(row.u_label).find("\xCC\x88") == std::string::npos;
      if (entry == row.u_label || composed) names.emplace_back(row.u_label);
      for (const std::string& name : names) {
        CAPTURE(name);
        for (const AddressList* each : {&list, &keys}) {
          CHECK(each->has_client_name(name));
          CHECK(each->has_client_name("mx." + name));
          CHECK(each->has_sender("any@" + name));
          CHECK(each->has_recipient("any@sub." + name));
          CHECK(each->has_recipient("user@" + name));
          CHECK_FALSE(each->has_recipient("any@" + name));
          CHECK_FALSE(each->has_sender("any@sub." + name));
        }
      }
    }
  }
}

TEST_CASE("capital letters beyond ASCII compare as their small ones") {
  const struct {
    const char *capital, *small;
  } rows[] = {{"\xC3\x80", "\xC3\xA0"}, {"\xC3\x9E", "\xC3\xBE"}, {"\xC4\x80", "\xC4\x81"},
              {"\xC5\xB8", "\xC3\xBF"}, {"\xC5\xBD", "\xC5\xBE"}, {"\xCE\x91", "\xCE\xB1"},
              {"\xCE\x8F", "\xCF\x8E"}, {"\xD0\x81", "\xD1\x91"}, {"\xD0\x96", "\xD0\xB6"},
              {"\xD2\x8A", "\xD2\x8B"}, {"\xD4\xB1", "\xD5\xA1"}, {"\xE1\xBB\x98", "\xE1\xBB\x99"}};
  for (const auto& row : rows) {
    const std::string capital = std::string("a") + row.capital + "b.example";
    const std::string small = std::string("a") + row.small + "b.example";
    CAPTURE(small);
    CHECK(fold_domain(capital) == small);
    CHECK(list_of("@" + small).has_sender("x@" + capital));
    CHECK(list_of("@" + capital).has_sender("x@" + small));
    CHECK(read_domain(capital)[0] == read_domain(small)[0]);  // as libidn2 has it
  }
  for (const char* same : {"\xC3\x97", "\xC3\xB7", "\xC3\x9F", "\xC3", "\xE1\xBB", "\xFF\xFE",
                           "\xC4\xB1", "\xC4\xB0", "\xE1\xBA\x9E"}) {
    CHECK(fold_domain(same) == same);
  }
}

TEST_CASE("what no front can send is refused, with its line") {
  std::vector<std::string> bad{
      "@",
      "*@",
      "to:@",
      "to:*@",
      "\"\"@example.com",
      "\"\"@",
      "to:user",
      "to:",
      "to:postmaster",
      // not an address as it is sent
      "<user@example.com>",
      "to:<user@example.com>",
      "user@example.com,",
      "to:a@x.org,b@x.org",
      "mailto:user@example.com",
      "from:user@example.com",
      "to: user@example.com",
      "user @example.com",
      "user@ example.com",
      "user@example.com.",
      "@example.com.",
      "user@.",
      "user@..",
      "user@..example.com",
      "user@example..com",
      "user@example.com:25",
      "@a b.com",
      // a pattern that is none
      "bounce-*@example.com",
      "to:*-request@example.com",
      "user@*",
      "user@ex*.com",
      "host*.example.com",
      // quotes
      "\"user@example.com",
      "user\"@example.com",
      "\"a\"b@example.com",
      "\"a\"b\"@example.com",
      "us\"er\"@example.com",
      "\"a\\\"@example.com",
      "a\\b@example.com",
      // literals
      "user@[]",
      "user@[example.com]",
      "user@[192.0.2.1",
      "user@192.0.2.1]",
      "user@[192.0.2.256]",
      "user@[2001:db8::1]",
      "user@[IPv6:192.0.2.1]",
      "user@[IPv6:]",
      "[192.0.2.1]",
      "user@[192.0.2.1]x",
      "@.[192.0.2.1]",
      "user@[192.0.2.0/24]",
      // names
      "localhost",
      ".",
      "..",
      "mx.example.com:25",
      "mx.example.com/24",
      "http://mx.example.com",
      std::string(64, 'a') + ".example.com",
      "@" + std::string(64, 'a') + ".example.com",
      // addresses
      "2001:db8:",
      "2001:db8",
      "[2001:db8::1]",
      "2001:db8::1%eth0",
      "fe80::1%eth0",
      "192.0.2.1:25",
      "2001:db8::/",
      "2001:db8::/129",
      // what nobody sees
      "us\x01"
      "er@example.com",
      "user@exam\x7fple.com",
      "\"a\tb\"@example.com",
      "\xC2\xA0user@example.com",
      "us\xE2\x80\x8B"
      "er@example.com",
      "user\xE2\x80\xAE@example.com",
      "\xEF\xBB\xBFuser@example.com",
      "user@exam\xC2\xA0ple.com",
      "user@\xE3\x80\x80.com",
      // no UTF-8, and no names
      "us\xFC"
      "er@example.com",
      "user@b\xFC"
      "cher.example",
      "@b\xC3.example",
      "\xC0\x80@a.example",
      "\xED\xA0\x80@a.example",
      "@\xF0\x9F\x92\xA9.example",
      "@xn--\xC3\xBC.example",
      "@\xEF\xBD\x85xample.com",
      "b\xC3\xBC"
      "cher",
      "@\xC2\xAD.example",
  };
  const auto labels = [](std::size_t octets) {  // a name of so many, not one more than 63 in a row
    std::string name;
    while (name.size() < octets) name += name.size() % 50 == 49 ? '.' : 'a';
    return name;
  };
  bad.push_back(labels(254));
  bad.push_back("." + labels(252));
  bad.push_back("@." + labels(252));
  bad.push_back(std::string(67, 'x') + "@" + labels(253));
  for (const std::string& entry : bad) {
    CAPTURE(entry);
    const auto list = AddressList::parse("192.0.2.1\n# a comment\n" + entry + "\n10.\n", "dir/f");
    REQUIRE_FALSE(list);
    CHECK(list.error().text.starts_with("dir/f:3: "));
    CHECK(list.error().text.find_first_of("\n\r\x01") == std::string::npos);
  }
  for (const std::string& good : {labels(253), "." + labels(251), "@." + labels(251),
                                  std::string(66, 'x') + "@" + labels(253)}) {
    CAPTURE(good);
    CHECK(testing::has_what_is_meant(list_of(good), good));
  }
}

TEST_CASE("a file's own marks are no entries, and lines that end otherwise are told") {
  CHECK(list_of("\xEF\xBB\xBF"
                "user@example.com\r\n@x.org\r\n")
            .has_sender("user@example.com"));
  CHECK(list_of("\xEF\xBB\xBF").entries() == 0);
  CHECK(list_of("\xEF\xBB\xBF# all\r\n\r\n\t 192.0.2.1 \t\r\n").entries() == 1);
  CHECK(list_of("user@example.com\r\n").has_sender("user@example.com"));
  CHECK(list_of("user@example.com \r\r\n").has_sender("user@example.com"));
  const std::string bad[] = {
      "# mine\r192.0.2.1\r",                      // one line, all of it a comment
      "192.0.2.1\r192.0.2.2\r",                   //
      "192.0.2.1 # \r 192.0.2.2\n",               //
      std::string("1\0", 2),                      //
      std::string("\xFF\xFE#\0 \0\r\0\n\0", 10),  // UTF-16
      std::string("\xFE\xFF\0#\0 \0\r\0\n", 10),
      std::string("# a\0comment", 11),
  };
  for (const std::string& text : bad) {
    CAPTURE(text);
    const auto list = AddressList::parse(text, "f");
    REQUIRE_FALSE(list);
    CHECK(list.error().text.starts_with("f:1: "));
  }
}

TEST_CASE("whatever entry is taken, the address it is meant for is in the list") {
  const char* const pieces[] = {"to:",
                                "TO:",
                                "@",
                                ".",
                                "*",
                                "user",
                                "\"",
                                "\"a b\"",
                                "example",
                                "com",
                                "-",
                                "192",
                                "0",
                                "10",
                                "/",
                                "24",
                                ":",
                                "2001:db8",
                                "::",
                                "[",
                                "]",
                                "1-5",
                                "IPv6:",
                                "+x",
                                "\\",
                                "_",
                                "xn--bcher-kva",
                                "::1",
                                "\xC3\xBC",
                                "\xC3\x9C",
                                "u\xCC\x88",
                                "\xE4\xBE\x8B",
                                "#",
                                " ",
                                "fe80::1",
                                "64:ff9b::",
                                "\xEF\xBD\x85",
                                "\xFF",
                                "postmaster@",
                                "@.",
                                "%",
                                "255",
                                "ffff:",
                                "3.4",
                                "\t"};
  std::mt19937 random(20);
  std::size_t taken = 0;
  for (int i = 0; i < 300'000; ++i) {
    std::string entry;
    for (auto n = 1 + random() % 6; n > 0; --n) entry += pieces[random() % std::size(pieces)];
    const auto list = AddressList::parse(entry, "list");
    if (!list || list->entries() == 0) continue;
    // What is around an entry is none of its.
    if (entry.find('#') != std::string::npos || entry.find_first_of(" \t") == 0 ||
        entry.find_last_of(" \t") + 1 == entry.size()) {
      continue;
    }
    ++taken;
    CAPTURE(entry);
    REQUIRE(testing::has_what_is_meant(*list, entry));
    REQUIRE(testing::has_what_is_meant(behind_keys(*list), entry));
  }
  CHECK(taken > 10'000);
}

TEST_CASE("a hostile address costs no more than its length") {
  // No measurement: a search of each dot's rest would take minutes, which the test's limit notices.
  const AddressList list = list_of(
      "to:@b\xC3\xBC"
      "cher.example\n@.a.b.c.d.example\nuser@.example\n.example.com");
  std::string dots;
  for (int i = 0; i < 32'000; ++i) dots += "a.";
  std::string marks;
  for (int i = 0; i < 16'000; ++i) marks += "\xCC\xA3\xCC\x88";
  for (const std::string& domain : {dots, dots + "example", marks, marks + ".example"}) {
    CHECK_FALSE(list.has_recipient("x@" + domain));
    CHECK_FALSE(list.has_client_name(domain));
    CHECK_FALSE(list.has_sender("x@" + domain));
  }
  CHECK(list.has_sender("x@" + dots + "a.b.c.d.example"));
}
