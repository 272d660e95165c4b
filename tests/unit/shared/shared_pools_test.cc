// Pools of two daemons that share a store: a real Redis, with a clock of the test's own.
#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "tests/unit/core/pools.h"
#include "tests/unit/shared/two_daemons.h"

using namespace grey;
using testing::Daemon;
using testing::RedisServer;

namespace {

constexpr Seconds kNow = 1'700'000'000;

struct Fixture {
  Fixture() {
    pools.networks["example.com"] = {"192.0.2.1", "192.0.2.2", "192.0.2.3"};
    a.service->use_pools(&pools);
    b.service->use_pools(&pools);
  }
  // "192.0.2.1", or "192.0.2.1 mx1.example.net" with its verified name.
  std::string ask(Daemon& of, Seconds now, std::string_view client,
                  std::string_view sender = "a@example.com",
                  std::string_view recipient = "b@here.example") {
    const std::string datagram = testing::pool_datagram(client, sender, recipient);
    wire::Query query;
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    std::string text;
    of.decider->decide({&query, 1}, now, [&](std::size_t, const Decided& decided) {
      text = to_string(decided.reason);
      if (!decided.pool.empty()) text += " " + decided.pool;
    });
    return text;
  }

  testing::PoolTable pools;
  RedisServer redis;
  Daemon a{redis}, b{redis};
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "who was deferred by one daemon passes as one of a pool by the other") {
  CHECK(ask(a, kNow, "192.0.2.1") == "new");
  CHECK(ask(b, kNow + 100, "192.0.2.2") == "early spf:example.com");
  CHECK(ask(b, kNow + 300, "192.0.2.3") == "passed spf:example.com");
  CHECK(a.store.say({"GET", "c:{spf:example.com}"}).at(0) == std::to_string(kNow + 300) + ":1");
  CHECK(a.store.say({"GET", "c:{192.0.2.3}"}).at(0) == std::to_string(kNow + 300) + ":1");
  // The pool is known to the first, too, which has heard of it by the store alone.
  CHECK(ask(a, kNow + 310, "192.0.2.2", "other@example.com") == "known spf:example.com");
}

TEST_CASE_FIXTURE(Fixture,
                  "a client that passes by itself at one makes its pool known at the other") {
  CHECK(ask(a, kNow, "192.0.2.1") == "new");
  CHECK(ask(a, kNow + 300, "192.0.2.1") == "passed");
  CHECK(ask(b, kNow + 310, "192.0.2.2", "c@example.com") == "known spf:example.com");
}

TEST_CASE_FIXTURE(Fixture,
                  "hosts below one name share a triplet's wait across daemons, and earn nothing") {
  CHECK(ask(a, kNow, "198.51.100.1 out1.mail.example", "a@x.example") == "new");
  CHECK(ask(b, kNow + 300, "198.51.100.2 out2.mail.example", "a@x.example") ==
        "passed name:mail.example");
  CHECK(ask(a, kNow + 301, "198.51.100.2 out2.mail.example", "c@x.example") == "new");
  CHECK(a.store.say({"KEYS", "c:*"}).empty());
}

TEST_CASE_FIXTURE(Fixture, "what is learned late is told to the store at once") {
  pools.networks.clear();
  CHECK(ask(a, kNow, "192.0.2.1") == "new");
  SavedRecord waiting;
  waiting.client = Client::parse("192.0.2.1");
  waiting.sender = "a@example.com";
  waiting.recipient = "b@here.example";
  a.decider->wait_in_pool(waiting, Client::of_pool(PoolKind::spf, "example.com"), kNow + 5, Ip());
  pools.networks["example.com"] = {"192.0.2.1", "192.0.2.2"};
  CHECK(ask(b, kNow + 300, "192.0.2.2") == "passed spf:example.com");
}

TEST_CASE_FIXTURE(Fixture, "a pool that is forgotten by command is not brought back") {
  ask(a, kNow, "192.0.2.1");
  ask(a, kNow + 300, "192.0.2.2");
  a.marks.at = b.marks.at = kNow + 301;
  CHECK(ask(b, kNow + 302, "192.0.2.3", "c@example.com") == "new");
}
