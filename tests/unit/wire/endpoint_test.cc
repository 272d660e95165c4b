#include "greyd/wire/endpoint.h"

#include <doctest/doctest.h>

#include <string>

using grey::parse_endpoint;
using grey::Wildcards;

TEST_CASE("every form of GREYIP names an address and a port") {
  const struct {
    const char* text;
    const char* ip;
    int port;
  } good[] = {
      {"127.0.0.1@1999", "127.0.0.1", 1999},
      {"192.0.2.1:2000", "192.0.2.1", 2000},
      {"[::1]@1999", "::1", 1999},
      {"[2001:db8::1]:25", "2001:db8::1", 25},
      {"192.0.2.1", "192.0.2.1", 1999},
      {"::1", "::1", 1999},
      {"[::1]", "::1", 1999},
      {"::1@53", "::1", 53},
      {"@2000", "127.0.0.1", 2000},
      {":2000", "127.0.0.1", 2000},
      {"@", "127.0.0.1", 1999},
      {":", "127.0.0.1", 1999},
      {"192.0.2.1@", "192.0.2.1", 1999},
      {"192.0.2.1:", "192.0.2.1", 1999},
      {"::", "::", 1999},
      {"[::1]@", "::1", 1999},
      {"0.0.0.0@65535", "0.0.0.0", 65535},
      {"::ffff:1.2.3.4@1", "1.2.3.4", 1},
  };
  for (const auto& row : good) {
    CAPTURE(row.text);
    const auto endpoint = parse_endpoint(row.text, Wildcards::refused);
    REQUIRE(endpoint);
    CHECK(to_string(endpoint->ip) == row.ip);
    CHECK(endpoint->port == row.port);
  }
}

TEST_CASE("a GREYIP that was written for IndiMail's client means the same") {
  const struct {
    const char* text;
    const char* ip;
    int port;
  } rows[] = {
      {"192.0.2.1@2000", "192.0.2.1", 2000},
      {"192.0.2.1", "192.0.2.1", 1999},
      {"192.0.2.1@", "192.0.2.1", 1999},
      {"@", "127.0.0.1", 1999},
      {"0@2000", "127.0.0.1", 2000},
      {"0@", "127.0.0.1", 1999},
      {"0", "127.0.0.1", 1999},
      {"0:2000", "127.0.0.1", 2000},
      {"::ffff:192.0.2.1@2000", "192.0.2.1", 2000},
      {"::ffff:192.0.2.1", "192.0.2.1", 1999},
      {"fd00::1@2000", "fd00::1", 2000},
      {"fd00::1", "fd00::1", 1999},
      {"fd00::1@", "fd00::1", 1999},
      {"FD00:0:0:0:0:0:0:1@2000", "fd00::1", 2000},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto endpoint = parse_endpoint(row.text, Wildcards::refused);
    REQUIRE(endpoint);
    CHECK(to_string(endpoint->ip) == row.ip);
    CHECK(endpoint->port == row.port);
  }
}

TEST_CASE("a GREYIP that names nothing is refused") {
  const char* bad[] = {"",
                       "*",
                       "*@1999",
                       "00",
                       "0x",
                       "localhost",
                       "host@1999",
                       "1.2.3.4@0",
                       "1.2.3.4@65536",
                       "1.2.3.4@x",
                       "1.2.3.4@-1",
                       "[::1",
                       "[]@1",
                       "[::1]1999",
                       "1.2.3@1",
                       "2001:db8::1:99999",
                       "1.2.3.4 @1",
                       "[::1]x1999",
                       "1.2.3.4@1@2",
                       "1.2.3.4@000001"};
  for (const auto* text : bad) {
    CAPTURE(text);
    CHECK_FALSE(parse_endpoint(text, Wildcards::refused));
  }
}

TEST_CASE("the daemon also listens on wildcards and has a default port of its own") {
  for (const char* text : {"*", "0", "::"}) {
    CAPTURE(text);
    const auto endpoint = parse_endpoint(text, Wildcards::allowed, 2525);
    REQUIRE(endpoint);
    CHECK(endpoint->ip.is_any());
    CHECK(endpoint->port == 2525);
  }
  CHECK(parse_endpoint("*@7", Wildcards::allowed)->port == 7);
  CHECK(parse_endpoint("*:7", Wildcards::allowed)->port == 7);
}
