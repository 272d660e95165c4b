#include "greyd/lists/address_list.h"

#include <doctest/doctest.h>

#include <random>
#include <set>
#include <vector>

#include "greyd/lists/range_set.h"
#include "tests/unit/lists/list_of.h"

using namespace grey;
using testing::list_of;

namespace {

bool has(const AddressList& list, const char* ip) {
  return list.has_client(*Ip::parse(ip));
}

}  // namespace

TEST_CASE("each form of a client line names the addresses it says") {
  const struct {
    const char* line;
    std::vector<const char*> in, out;
  } rows[] = {
      {"192.0.2.1", {"192.0.2.1", "::ffff:192.0.2.1"}, {"192.0.2.0", "192.0.2.2", "::192.0.2.1"}},
      {"2001:db8::1", {"2001:db8::1", "2001:0DB8:0::1"}, {"2001:db8::2", "2001:db8::"}},
      {"192.0.2.0/24", {"192.0.2.0", "192.0.2.255"}, {"192.0.1.255", "192.0.3.0"}},
      {"192.0.2.77/24", {"192.0.2.0", "192.0.2.255"}, {"192.0.3.0"}},
      {"172.16/12", {"172.16.0.0", "172.31.255.255"}, {"172.15.255.255", "172.32.0.0"}},
      {"0.0.0.0/0", {"0.0.0.0", "255.255.255.255"}, {"::1"}},
      {"192.0.2.4/31", {"192.0.2.4", "192.0.2.5"}, {"192.0.2.3", "192.0.2.6"}},
      {"192.0.2.4/32", {"192.0.2.4"}, {"192.0.2.5"}},
      {"2001:db8::/32",
       {"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
       {"2001:db7:ffff::", "2001:db9::"}},
      {"2001:db8::/127", {"2001:db8::", "2001:db8::1"}, {"2001:db8::2"}},
      {"::/0", {"::", "ffff::"}, {"192.0.2.1"}},
      {"::ffff:192.0.2.0/120", {"192.0.2.9"}, {"192.0.3.0"}},
      {"192.168.2.*", {"192.168.2.0", "192.168.2.255"}, {"192.168.3.0"}},
      {"192.168.*.*", {"192.168.0.0", "192.168.255.255"}, {"192.169.0.0"}},
      {"192.168.[3-4].45", {"192.168.3.45", "192.168.4.45"}, {"192.168.3.44", "192.168.5.45"}},
      {"192.168.3-4.45", {"192.168.3.45", "192.168.4.45"}, {"192.168.4.46", "192.168.2.45"}},
      {"192.168.3-4", {"192.168.3.0", "192.168.4.255"}, {"192.168.5.0"}},
      {"10.*.0-1.7", {"10.0.0.7", "10.255.1.7"}, {"10.0.2.7", "10.0.0.8"}},
      {"192.0.2.10-20", {"192.0.2.10", "192.0.2.20"}, {"192.0.2.9", "192.0.2.21"}},
      {"192.168.", {"192.168.0.0", "192.168.255.255"}, {"192.169.0.0", "19.2.168.0"}},
      {"192.168", {"192.168.0.0", "192.168.255.255"}, {"192.167.255.255"}},
      {"64.125", {"64.125.1.2"}, {"64.126.0.0"}},
      {"10.", {"10.0.0.0", "10.255.255.255"}, {"11.0.0.0"}},
      {"*.*.*.*", {"0.0.0.0", "255.255.255.255"}, {}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.line);
    const AddressList list = list_of(row.line);
    for (const char* ip : row.in) CHECK_MESSAGE(has(list, ip), ip);
    for (const char* ip : row.out) CHECK_MESSAGE(!has(list, ip), ip);
  }
}

TEST_CASE("names, senders and recipients compare without case and by whole labels") {
  const AddressList list = list_of(
      "# comment\n\n  mx.Example.COM  # trailing\n.example.net\r\nUser@Example.org\n@b.example\n"
      "to:Post@c.example\nto:@d.example");
  CHECK(list.entries() == 6);
  CHECK(list.has_client_name("MX.example.com"));
  CHECK_FALSE(list.has_client_name("a.mx.example.com"));
  CHECK(list.has_client_name("a.b.example.net"));
  CHECK_FALSE(list.has_client_name("example.net"));
  CHECK_FALSE(list.has_client_name("badexample.net"));
  CHECK_FALSE(list.has_client_name(""));
  CHECK(list.has_sender("user@example.org"));
  CHECK_FALSE(list.has_sender("other@example.org"));
  CHECK(list.has_sender("x@B.example"));
  CHECK(list_of("*@star.example").has_sender("any@star.example"));
  CHECK_FALSE(list.has_sender("x@sub.b.example"));
  CHECK_FALSE(list.has_sender(""));
  CHECK_FALSE(list.has_sender("b.example"));
  CHECK(list.has_recipient("post@C.example"));
  CHECK(list.has_recipient("any@d.example"));
  CHECK_FALSE(list.has_recipient("user@example.org"));
  CHECK_FALSE(list.has_sender("post@c.example"));
}

TEST_CASE("a bad line is named by file and number, and nothing is taken") {
  for (const char* bad : {"192.0.2.256",
                          "192.0.2.1.5",
                          "192.0.2.0/33",
                          "192.0.2.0/",
                          "192.0.2.0/-1",
                          "192.0.2.0/x",
                          "2001:db8::/129",
                          "2001:db8:::1",
                          "::ffff:192.0.2.0/95",
                          "192.0.2.5-3",
                          "192.0.[2.1",
                          "192.0..1",
                          "1.2.3.*/8",
                          "localhost",
                          "host example.com",
                          "exa_mple",
                          "to:user",
                          "to:",
                          "@",
                          "*.*.*.7",
                          "192.168.[3-4-5].1",
                          "a..example.com",
                          "example.com.",
                          "From:x@y.example",
                          "joe@example.com:ok",
                          "joe@exa mple.com",
                          "..example.com",
                          "a@b@",
                          "-",
                          "/8"}) {
    CAPTURE(bad);
    const auto list =
        AddressList::parse("192.0.2.1\n\n" + std::string(bad) + "\n10.\n", "dir/file");
    REQUIRE_FALSE(list);
    CHECK(list.error().text.starts_with("dir/file:3: "));
    CHECK(list.error().exit_code == kExitSystemFailure);
  }
}

TEST_CASE("a range set agrees with a plain set of numbers") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    RangeSet<std::uint32_t> ranges;
    std::set<std::uint32_t> model;
    const unsigned spread = seed % 2 ? 3000 : 500;
    for (auto n = random() % 40; n > 0; --n) {
      const auto first = std::uint32_t(random() % spread);
      const auto last = std::uint32_t(first + random() % 30);
      ranges.add(first, last);
      for (std::uint32_t i = first; i <= last; ++i) model.insert(i);
    }
    ranges.build();
    for (std::uint32_t i = 0; i < spread + 50; ++i) {
      REQUIRE(ranges.contains(i) == model.contains(i));
    }
    CHECK(ranges.contains(~0u) == false);
  }
}

TEST_CASE("a range set holds its borders at both ends of the numbers") {
  RangeSet<std::uint32_t> ranges;
  ranges.add(0, 0);
  ranges.add(~0u, ~0u);
  ranges.build();
  CHECK(ranges.contains(0));
  CHECK(ranges.contains(~0u));
  CHECK_FALSE(ranges.contains(1));
  CHECK_FALSE(ranges.contains(~0u - 1));
  RangeSet<std::uint32_t> empty;
  empty.build();
  CHECK_FALSE(empty.contains(0));
}

TEST_CASE("a client entry costs at most 64 bytes") {
  std::mt19937 random(1);
  NetworkSet v4, v6;
  constexpr std::size_t kEntries = 100'000;
  for (std::size_t i = 0; i < kEntries; ++i) {
    v4.add(Ip::from_v4(std::uint32_t(random()) * 2u));
    std::array<std::uint8_t, 16> bytes{0x20, 0x01, 0x0d, 0xb8};
    for (std::size_t b = 4; b < 16; ++b) bytes[b] = std::uint8_t(random());
    v6.add(Ip(bytes));
  }
  v4.build();
  v6.build();
  CHECK(v4.memory() <= 64 * kEntries);
  CHECK(v6.memory() <= 64 * kEntries);
}
