#include "greyd/accepted_bounces.h"

#include <doctest/doctest.h>

#include <string>

using namespace std::string_literals;
using grey::AcceptedBounces;
using grey::Endpoint;

TEST_CASE("a datagram that is sent again from the same port is the same bounce, for a minute") {
  const Endpoint source{grey::Ip::from_v4(0xc0000201), 40000};
  const Endpoint other_port{source.ip, 40001}, other_ip{grey::Ip::from_v4(0xc0000202), 40000};
  const std::string datagram = "I192.0.2.1\0F\0Ta@x\0\0"s, other = "I192.0.2.1\0F\0Tb@x\0\0"s;
  AcceptedBounces bounces;
  CHECK(!bounces.contains(source, datagram, 1000));
  bounces.remember(source, datagram, 1000);
  CHECK(bounces.contains(source, datagram, 1000));
  CHECK(bounces.contains(source, datagram, 1060));
  CHECK(!bounces.contains(source, datagram, 1061));
  CHECK(!bounces.contains(other_port, datagram, 1000));
  CHECK(!bounces.contains(other_ip, datagram, 1000));
  CHECK(!bounces.contains(source, other, 1000));
  bounces.remember(source, datagram, 2000);
  CHECK(bounces.contains(source, datagram, 2000));
}

TEST_CASE("of more bounces than are kept the oldest are let go") {
  constexpr auto kMost = std::uint16_t(AcceptedBounces::kMost);
  AcceptedBounces bounces;
  const auto source = [](int port) { return Endpoint{grey::Ip{}, std::uint16_t(port)}; };
  for (int port = 1; port <= 3 * kMost; ++port) {
    bounces.remember(source(port), "F", 5);
    CHECK(bounces.contains(source(port), "F", 5));
  }
  for (int port = 1; port <= 3 * kMost; ++port) {
    CHECK(bounces.contains(source(port), "F", 5) == (port > 2 * kMost));
  }
}
