// Pools of two daemons that share a store: a real Redis, with a clock of the test's own.
#include <doctest/doctest.h>

#include <ctime>
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

// ---- replies -----------------------------------------------------------------------------------

namespace {

// The first client of a domain's networks may send for it.
struct Senders : testing::PoolTable {
  bool is_host_of_sender(const wire::Query& query) const override {
    return !query.sender.empty() && query.client == Client::parse("192.0.2.1");
  }
};

struct Replies {
  Replies() {
    a.service->use_pools(&senders);
    b.service->use_pools(&senders);
  }
  static Policy policy() {
    Policy of;
    of.replies = 30 * 86400;
    return of;
  }
  static void tell(Daemon& of, Seconds now) {
    const std::string datagram =
        "Rjoe+x@here.example" + std::string(1, '\0') + "Tann@there.example";
    wire::Sent sent;
    REQUIRE(wire::parse_sent(datagram, sent) == wire::Fault::none);
    of.decider->sent({&sent, 1}, now);
  }
  static wire::Reason ask(Daemon& of, Seconds now, const std::string& client = "192.0.2.1",
                          const std::vector<std::string>& recipients = {"joe@here.example"}) {
    return of.ask(now, client, "ann@there.example", recipients);
  }

  Senders senders;
  RedisServer redis;
  Daemon a{redis, policy()}, b{redis, policy()};
};

}  // namespace

TEST_CASE_FIXTURE(Replies, "what one daemon is told of is answered at the other") {
  using wire::Reason;
  tell(a, kNow);
  CHECK(ask(b, kNow + 10, "198.51.100.7") == Reason::new_triplet);
  CHECK(ask(b, kNow + 10) == Reason::reply);
  CHECK(b.service->greylist().table().count(RecordClass::sent) == 1);
  // It is no triplet there, and none has begun by the question.
  CHECK(a.store.say({"KEYS", "g:{sent:there.example}:*"}).size() == 1);
  CHECK(a.store.say({"KEYS", "g:{192.0.2.1}:*"}).size() == 1);
  CHECK(ask(b, kNow + 20, "192.0.2.1", {"eve@here.example"}) == Reason::new_triplet);
  CHECK(a.store.say({"KEYS", "g:{sent:there.example}:*"}).size() == 1);
}

TEST_CASE_FIXTURE(Replies, "of many recipients each that has written is found") {
  tell(a, kNow);
  std::vector<std::string> recipients;
  for (int i = 0; i < 150; ++i) recipients.push_back("r" + std::to_string(i) + "@here.example");
  recipients.push_back("joe@here.example");
  CHECK(ask(b, kNow + 10, "192.0.2.1", recipients) == wire::Reason::reply);
}

TEST_CASE_FIXTURE(Replies,
                  "a store that has lost it is told again, and what was forgotten stays so") {
  const Seconds now = std::time(nullptr);  // as the store's clock has it
  a.tick(now);
  tell(a, now);
  a.tick(now + 1);
  a.store.say({"FLUSHALL"});
  a.tick(now + 2);
  a.tick(now + 3);
  CHECK(a.store.say({"KEYS", "g:{sent:there.example}:*"}).size() == 1);
  b.marks.at = now + 5;  // forgotten by command since
  CHECK(ask(b, now + 10) == wire::Reason::new_triplet);
  CHECK(b.service->greylist().table().count(RecordClass::sent) == 0);
}
