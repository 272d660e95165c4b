// Two daemons and one store: a real Redis, with a clock of the test's own.
#include "greyd/shared/shared_decider.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/unit/shared/two_daemons.h"

using namespace grey;
using testing::Daemon;
using testing::RedisServer;
using wire::Reason;

namespace {

constexpr Seconds kNow = 1'700'000'000;
constexpr Seconds kDay = 24 * 60 * 60;

struct Fixture {
  RedisServer redis;
  Daemon a{redis}, b{redis};
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "who was deferred by one daemon and comes back to another is accepted") {
  CHECK(a.ask(kNow, "192.0.2.1") == Reason::new_triplet);
  CHECK(b.ask(kNow + 100, "192.0.2.1") == Reason::early);
  CHECK(b.ask(kNow + 300, "192.0.2.1") == Reason::passed);
  SUBCASE("and is known to the first") {
    CHECK(a.ask(kNow + 310, "192.0.2.1", "other@x") == Reason::known);
  }
  SUBCASE("and is not counted twice, however often it is told") {
    CHECK(b.store.say({"GET", "c:{192.0.2.1}"}) ==
          std::vector<std::string>{std::to_string(kNow + 300) + ":1"});
  }
}

TEST_CASE_FIXTURE(Fixture, "a client that is known here costs no call") {
  a.ask(kNow, "192.0.2.1");
  a.ask(kNow + 300, "192.0.2.1");
  const int before = a.store.calls();
  CHECK(a.ask(kNow + 301, "192.0.2.1", "c@x") == Reason::known);
  CHECK(a.store.calls() == before);
}

TEST_CASE_FIXTURE(Fixture, "the store holds no address of mail") {
  a.ask(kNow, "192.0.2.1", "somebody@secret.example", {"b@y"});
  for (const std::string& key : a.store.say({"KEYS", "*"})) {
    CHECK(key.find("secret") == std::string::npos);
    CHECK((key.starts_with("c:{192.0.2.1}") || key.starts_with("g:{192.0.2.1}:")));
  }
}

TEST_CASE_FIXTURE(Fixture, "what waits is kept by the store for the resend window") {
  a.ask(kNow, "192.0.2.1");
  const auto keys = a.store.say({"KEYS", "g:*"});
  REQUIRE(keys.size() == 1);
  CHECK(std::stoi(a.store.say({"TTL", keys[0]}).at(0)) > 43190);
  CHECK(std::stoi(a.store.say({"TTL", keys[0]}).at(0)) <= 43200);
  b.ask(kNow + 300, "192.0.2.1");
  CHECK(std::stoi(a.store.say({"TTL", keys[0]}).at(0)) > 7 * kDay - 10);
}

TEST_CASE_FIXTURE(Fixture, "a bounce that one has accepted is one for the other") {
  CHECK(a.ask(kNow, "192.0.2.1", "") == Reason::new_triplet);
  CHECK(b.ask(kNow + 300, "192.0.2.1", "") == Reason::bounce);
  CHECK(a.ask(kNow + 400, "192.0.2.1", "") == Reason::bounce);
  CHECK(a.store.say({"EXISTS", "c:{192.0.2.1}"}) == std::vector<std::string>{"0"});
}

TEST_CASE_FIXTURE(Fixture, "more recipients than a call takes are asked about all the same") {
  std::vector<std::string> many;
  for (int i = 0; i < 200; ++i) many.push_back(std::to_string(i) + "@y");
  CHECK(a.ask(kNow, "192.0.2.1", "a@x", many) == Reason::new_triplet);
  CHECK(a.store.say({"DBSIZE"}) == std::vector<std::string>{"200"});
  CHECK(b.ask(kNow + 300, "192.0.2.1", "a@x", {"199@y"}) == Reason::passed);
}

TEST_CASE_FIXTURE(Fixture, "a store that is away leaves each to what it knows") {
  a.store.set_up(false);
  b.store.set_up(false);
  CHECK(a.ask(kNow, "192.0.2.1") == Reason::new_triplet);
  CHECK(b.ask(kNow + 300, "192.0.2.1") == Reason::new_triplet);
  CHECK(a.ask(kNow + 310, "192.0.2.1") == Reason::passed);
  CHECK(b.ask(kNow + 320, "192.0.2.1") == Reason::early);
  CHECK(a.store.calls() == 0);
  CHECK(a.store_counters.untold > 0);
}

TEST_CASE_FIXTURE(Fixture, "an answer that is lost is decided without, and counts no pass twice") {
  a.store.lose(1, true);
  CHECK(a.ask(kNow, "192.0.2.1") == Reason::new_triplet);
  CHECK(a.store_counters.unanswered == 1);
  CHECK(b.ask(kNow + 300, "192.0.2.1") == Reason::passed);
  // The same good retry at both: one pass.
  CHECK(a.ask(kNow + 300, "192.0.2.1") == Reason::known);
}

TEST_CASE("passes are counted in the store, each good retry once") {
  RedisServer redis;
  Policy policy;
  policy.client_passes = 3;
  Daemon a(redis, policy), b(redis, policy);
  for (int i = 0; i < 3; ++i) {
    Daemon& one = i % 2 == 0 ? a : b;
    const std::string sender = std::to_string(i) + "@x";
    CHECK(one.ask(kNow + i * 1000, "192.0.2.1", sender) == Reason::new_triplet);
    CHECK(one.ask(kNow + i * 1000 + 300, "192.0.2.1", sender) == Reason::passed);
  }
  CHECK(b.ask(kNow + 4000, "192.0.2.1", "new@x") == Reason::known);
  CHECK(a.ask(kNow + 4000, "192.0.2.1", "newer@x") == Reason::known);
}

TEST_CASE_FIXTURE(Fixture, "what is forgotten by command is dead in the store as well") {
  a.ask(kNow, "192.0.2.1");
  b.marks.at = kNow + 10;
  CHECK(b.ask(kNow + 300, "192.0.2.1") == Reason::new_triplet);
  CHECK(a.store.say({"GET", a.store.say({"KEYS", "g:*"}).at(0)}).at(0) ==
        std::to_string(kNow + 300));
}

TEST_CASE_FIXTURE(Fixture, "a stamp of the future in the store keeps nobody waiting for ever") {
  a.ask(kNow + 30 * kDay, "192.0.2.1");
  CHECK(b.ask(kNow, "192.0.2.1") == Reason::new_triplet);
  CHECK(b.ask(kNow + 100, "192.0.2.1") == Reason::early);
  CHECK(b.ask(kNow + 300, "192.0.2.1") == Reason::passed);
  // Nor at who has stamped it so, when his clock is right.
  CHECK(a.ask(kNow + 310, "192.0.2.1", "c@x") == Reason::known);
}

TEST_CASE_FIXTURE(Fixture, "who has a record of the future itself waits no longer than others") {
  a.store.set_up(false);
  a.ask(kNow + 30 * kDay, "192.0.2.1");
  a.store.set_up(true);
  a.ask(kNow, "192.0.2.1");
  a.ask(kNow + 100, "192.0.2.1");
  CHECK(a.ask(kNow + 300, "192.0.2.1") == Reason::passed);
}

// What two daemons with a store say, of whatever is asked, is what one daemon says.
TEST_CASE("with a store that answers two daemons decide like one") {
  RedisServer redis;
  for (unsigned seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Policy policy;
    policy.client_passes = unsigned(random() % 3);
    policy.recipients = random() % 2 == 0 ? RecipientRule::any : RecipientRule::all;
    Daemon a(redis, policy), b(redis, policy), alone(redis, policy);
    alone.store.set_up(false);
    a.store.keep_all();
    b.store.keep_all();
    a.store.say({"FLUSHALL"});
    Seconds now = kNow;
    for (int step = 0; step < 60; ++step) {
      static constexpr Seconds kSteps[] = {61, 130, 299, 301, 3000, 20'000};
      now += kSteps[random() % std::size(kSteps)];
      const std::string client = "192.0.2." + std::to_string(random() % 3);
      const std::string sender = random() % 4 == 0 ? "" : std::to_string(random() % 2) + "@x";
      std::vector<std::string> recipients{std::to_string(random() % 3) + "@y"};
      if (random() % 3 == 0) recipients.push_back(std::to_string(random() % 3) + "@y");
      const Reason together = (random() % 2 == 0 ? a : b).ask(now, client, sender, recipients);
      const Reason one = alone.ask(now, client, sender, recipients);
      CAPTURE(step);
      CHECK(verdict_of(together) == verdict_of(one));
    }
  }
}
