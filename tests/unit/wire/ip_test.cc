#include "greyd/wire/ip.h"

#include <doctest/doctest.h>

using grey::Ip;

TEST_CASE("an address is read in every spelling and written in one") {
  const struct {
    const char* text;
    const char* canonical;
  } good[] = {
      {"192.0.2.1", "192.0.2.1"},
      {"0.0.0.0", "0.0.0.0"},
      {"255.255.255.255", "255.255.255.255"},
      {"::ffff:192.0.2.1", "192.0.2.1"},
      {"::FFFF:C000:0201", "192.0.2.1"},
      {"0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"},
      {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
      {"2001:db8::1", "2001:db8::1"},
      {"::", "::"},
      {"::1", "::1"},
      {"2001:0db8:1111:2222:3333:4444:5555:6666", "2001:db8:1111:2222:3333:4444:5555:6666"},
  };
  for (const auto& row : good) {
    CAPTURE(row.text);
    const auto ip = Ip::parse(row.text);
    REQUIRE(ip);
    CHECK(to_string(*ip) == row.canonical);
  }
}

TEST_CASE("what is not an address is refused") {
  const std::string_view bad[] = {
      "",         "1",          "1.2.3",    "1.2.3.4.5", "1.2.3.256",       "1.2.3.04",
      "1.2.3.4 ", " 1.2.3.4",   "1.2.3.",   ".1.2.3",    "1..2.3",          "1.2.3.1000",
      "a.b.c.d",  "1.2.3.4/24", "2001:db8", "1::2::3",   "[::1]",           "fe80::1%lo",
      "12345::",  ":",          "1.2.3.-4", "localhost", "::ffff:1.2.3.999"};
  for (const auto text : bad) {
    CAPTURE(text);
    CHECK_FALSE(Ip::parse(text));
  }
  CHECK_FALSE(Ip::parse(std::string(46, ':')));
  CHECK_FALSE(Ip::parse(std::string_view("::1\0", 4)));
}

TEST_CASE("a network keeps the first bits and clears the rest") {
  const Ip v4 = *Ip::parse("203.0.113.77");
  CHECK(to_string(v4.network(128)) == "203.0.113.77");
  CHECK(to_string(v4.network(Ip::kV4Bits + 24)) == "203.0.113.0");
  CHECK(to_string(v4.network(Ip::kV4Bits + 25)) == "203.0.113.0");
  CHECK(to_string(v4.network(Ip::kV4Bits + 26)) == "203.0.113.64");
  CHECK(to_string(v4.network(Ip::kV4Bits)) == "0.0.0.0");
  const Ip v6 = *Ip::parse("2001:db8:1:2:3:4:5:6");
  CHECK(to_string(v6.network(64)) == "2001:db8:1:2::");
  CHECK(to_string(v6.network(0)) == "::");
}
