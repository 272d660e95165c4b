#include "greyd/accepted_bounces.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "greyd/greylist.h"
#include "greyd/lists.h"
#include "greyd/question_id.h"

using namespace grey;
using namespace std::string_literals;
using wire::Reason;

TEST_CASE("a question is known again for ten minutes") {
  AcceptedBounces bounces;
  CHECK(!bounces.contains(7, 1000));
  bounces.remember(7, 1000);
  CHECK(bounces.contains(7, 1000));
  CHECK(bounces.contains(7, 1600));
  CHECK(!bounces.contains(7, 1601));
  CHECK(!bounces.contains(8, 1000));
  bounces.remember(7, 2000);
  CHECK(bounces.contains(7, 2000));
}

TEST_CASE("of more bounces than are kept the oldest are let go") {
  constexpr std::uint64_t kMost = AcceptedBounces::kMost;
  AcceptedBounces bounces;
  for (std::uint64_t question = 1; question <= 3 * kMost; ++question) {
    bounces.remember(question, 5);
    CHECK(bounces.contains(question, 5));
  }
  for (std::uint64_t question = 1; question <= 3 * kMost; ++question) {
    CHECK(bounces.contains(question, 5) == (question > 2 * kMost));
  }
}

TEST_CASE("a question is the same datagram from the same address and port") {
  const HashKey key{1}, other_key{2};
  const Endpoint source{Ip::from_v4(0xc0000201), 40000};
  const std::string datagram = "I192.0.2.1\0F\0Ta@x\0\0"s, other = "I192.0.2.1\0F\0Tb@x\0\0"s;
  const auto id = question_id(key, source, datagram);
  CHECK(id != 0);
  CHECK(question_id(key, source, datagram) == id);
  CHECK(question_id(key, {source.ip, 40001}, datagram) != id);
  CHECK(question_id(key, {Ip::from_v4(0xc0000202), 40000}, datagram) != id);
  CHECK(question_id(key, source, other) != id);
  CHECK(question_id(other_key, source, datagram) != id);
}

TEST_CASE("a bounce that is asked about again is accepted again, and leaves nothing behind") {
  const std::string datagram = "I192.0.2.1\0F\0Tb@y\0Tc@y\0"s;
  wire::Query query;
  REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
  Greylist greylist(Policy{}, 100, HashKey{});
  const Lists lists;
  const auto ask = [&](std::uint64_t question, Seconds now) {
    query.question = question;
    return greylist.decide(query, lists, now).reason;
  };
  REQUIRE(ask(1, 1000) == Reason::new_triplet);
  REQUIRE(ask(2, 1400) == Reason::bounce);
  REQUIRE(greylist.table().size() == 0);
  CHECK(ask(2, 1400) == Reason::bounce);
  CHECK(ask(2, 1403) == Reason::bounce);
  CHECK(greylist.table().size() == 0);
  // Both copies in one batch, as a network that doubles datagrams delivers them.
  REQUIRE(ask(3, 1500) == Reason::new_triplet);
  query.question = 4;
  const std::array<wire::Query, 2> batch{query, query};
  std::array<Decision, 2> decisions;
  greylist.decide(batch, lists, 1900, decisions);
  CHECK(decisions[0].reason == Reason::bounce);
  CHECK(decisions[1].reason == Reason::bounce);
  CHECK(greylist.table().size() == 0);
  CHECK(ask(5, 1901) == Reason::new_triplet);
  // A front that cannot tell is never taken for another.
  CHECK(ask(0, 2300) == Reason::bounce);
  CHECK(ask(0, 2300) == Reason::new_triplet);
}
