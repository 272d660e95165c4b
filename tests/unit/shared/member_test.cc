// Daemons that come and go, and a store that loses what it was told: a real Redis, whose clock
// counts, so that the tests begin now.
#include "greyd/shared/member.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>
#include <string>

#include "tests/unit/shared/two_daemons.h"

using namespace grey;
using shared::LastMeeting;
using testing::Daemon;
using testing::RedisServer;
using wire::Reason;
using State = shared::Member::State;

namespace {

struct Fixture {
  const Seconds now = ::time(nullptr);
  RedisServer redis;
  Daemon a{redis, {}, now - 4000}, b{redis, {}, now - 4000};

  // What it knows from before, of which the store has never heard.
  void know(Daemon& daemon, const std::string& client, Seconds at) {
    daemon.store.set_up(false);
    daemon.ask(at, client);
    daemon.store.set_up(true);
  }
  bool has_triplet_of(const std::string& client) {
    return a.store.say({"KEYS", "g:{" + client + "}:*"}).size() == 1;
  }
  void drop_triplet_of(const std::string& client) {
    a.store.say({"DEL", a.store.say({"KEYS", "g:{" + client + "}:*"}).at(0)});
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "what was decided while the store was away is told when it is back") {
  a.tick(now);
  b.tick(now);
  CHECK(a.member->state() == State::member);
  a.store.set_up(false);
  a.tick(now + 1);
  CHECK(a.member->state() == State::away);
  CHECK(a.ask(now + 2, "192.0.2.1") == Reason::new_triplet);
  CHECK(b.ask(now + 200, "192.0.2.1") == Reason::new_triplet);
  a.store.set_up(true);
  a.tick(now + 3);
  CHECK(a.member_counters.healed == 1);
  CHECK(a.member_counters.lost == 0);
  CHECK(b.ask(now + 302, "192.0.2.1") == Reason::passed);
}

TEST_CASE_FIXTURE(Fixture, "one call without an answer makes nobody leave, and is made good") {
  a.tick(now);
  a.store.lose(2, false);  // the question, and what is told after the decision
  CHECK(a.ask(now, "192.0.2.1") == Reason::new_triplet);
  CHECK_FALSE(has_triplet_of("192.0.2.1"));
  a.member->missed();
  a.tick(now + 1);
  CHECK(a.member->state() == State::member);
  CHECK(has_triplet_of("192.0.2.1"));
}

TEST_CASE_FIXTURE(Fixture, "a store that was wiped is told all again, by each") {
  a.tick(now);
  b.tick(now);
  know(a, "192.0.2.1", now - 3000);
  know(b, "192.0.2.2", now - 3000);
  a.store.say({"FLUSHALL"});
  a.tick(now + 1);
  b.tick(now + 1);
  CHECK(a.member_counters.lost == 1);
  CHECK(b.member_counters.lost == 1);
  CHECK(a.said == "store: it has lost what it was told; it is told again\n");
  CHECK(has_triplet_of("192.0.2.1"));
  CHECK(has_triplet_of("192.0.2.2"));

  SUBCASE("one that loses all again and again is not complained of each time") {
    for (Seconds at = now + 2; at < now + 30; ++at) {  // by then its clock would be another
      a.store.say({"FLUSHALL"});
      a.tick(at);
    }
    CHECK(a.member_counters.lost > 20);
    CHECK(std::ranges::count(a.said, '\n') == 1);
  }
}

// It was restarted with an old snapshot, or another took its place, and lacks the last 1000
// seconds.
TEST_CASE_FIXTURE(Fixture, "a store that has lost the last it was told is told that, by each") {
  for (Daemon* one : {&a, &b}) {
    know(*one, one == &a ? "192.0.2.1" : "192.0.2.2", now - 500);
    know(*one, one == &a ? "192.0.2.3" : "192.0.2.4", now - 3000);
    one->tick(now);
  }
  REQUIRE(has_triplet_of("192.0.2.3"));
  for (int i = 1; i <= 4; ++i) drop_triplet_of("192.0.2." + std::to_string(i));
  a.store.say({"SET", "{greyd}:beat", std::to_string(now - 1000)});
  a.tick(now + 1);
  b.tick(now + 1);  // which is told a beat that is not old, and finds out by the run
  CHECK(has_triplet_of("192.0.2.1"));
  CHECK(has_triplet_of("192.0.2.2"));
  CHECK_FALSE(has_triplet_of("192.0.2.3"));
  CHECK_FALSE(has_triplet_of("192.0.2.4"));
  CHECK(a.member_counters.lost == 1);
  CHECK(b.member_counters.lost == 1);

  SUBCASE("who has missed one such loss tells all at the next") {
    const auto lose = [&](Seconds since) {
      a.store.say({"SET", "{greyd}:beat", std::to_string(since)});
      a.tick(now + 2);
    };
    lose(now - 3500);
    lose(now - 100);
    b.tick(now + 3);
    CHECK(has_triplet_of("192.0.2.4"));
  }
}

TEST_CASE_FIXTURE(Fixture, "after a start only what the store may not know is told") {
  a.tick(now);
  Daemon again(redis, {}, now - 4000, HashKey{7}, a.member->last_meeting());
  know(again, "192.0.2.1", now - 3000);
  know(again, "192.0.2.2", now - 10);
  again.tick(now + 1);
  CHECK(again.member_counters.lost == 0);
  CHECK_FALSE(has_triplet_of("192.0.2.1"));
  CHECK(has_triplet_of("192.0.2.2"));
}

TEST_CASE_FIXTURE(Fixture, "what failed of a healing is told again, though the clock stands") {
  know(a, "192.0.2.1", now - 10);
  a.member->tick(now);
  a.store.lose(1, false);
  a.member->heal(now);
  for (int i = 0; i < 3; ++i) a.member->heal(now);  // not at once
  CHECK_FALSE(has_triplet_of("192.0.2.1"));
  a.tick(now);
  CHECK(has_triplet_of("192.0.2.1"));
}

TEST_CASE_FIXTURE(Fixture,
                  "when answers are late healing tells less at a time, and then more again") {
  for (int i = 0; i < 250; ++i) know(a, "192.0.2." + std::to_string(i), now - 20);
  a.member->tick(now);
  for (int i = 0; i < 10; ++i) a.member->missed();
  a.member->heal(now);
  CHECK(a.member_counters.healed == shared::Member::kLeastSlice);
  int calls = 1;
  for (; a.member->healing(); ++calls) a.member->heal(now);
  CHECK(a.member_counters.healed == 250);
  CHECK(calls < 25);  // of 50
}

TEST_CASE_FIXTURE(Fixture,
                  "a store that answers none of it is not told on and on, nor is all kept") {
  for (int i = 0; i < 5000; ++i) {
    know(a, "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250), now - 20);
  }
  a.member->tick(now);
  a.store.lose(100, false);
  const int calls = a.store.calls();
  for (int i = 0; i < 100; ++i) a.member->heal(now);
  CHECK(a.store.calls() - calls == int(shared::Member::kMostFailed));
  a.store.lose(0, false);
  for (Seconds t = now + 1; a.member->healing() && t < now + 100; ++t) a.tick(t);
  CHECK_FALSE(a.member->healing());
  CHECK(a.store.say({"KEYS", "g:*"}).size() == 5000);
}

TEST_CASE_FIXTURE(Fixture, "a healing that is cut short goes on, and makes good what came then") {
  for (int i = 0; i < 1000; ++i) know(a, "192.0.2." + std::to_string(i % 250), now - 2000 + i);
  a.member->tick(now);
  a.member->heal(now);
  a.store.lose(1, false);
  a.member->heal(now);  // this slice is lost
  a.store.set_up(false);
  a.member->tick(now + 1);
  CHECK_FALSE(a.member->healing());
  a.ask(now + 1, "198.51.100.1");
  a.store.set_up(true);
  for (Seconds t = now + 2; t < now + 8; ++t) a.tick(t);
  CHECK_FALSE(a.member->healing());
  for (int i = 0; i < 250; ++i) CHECK(has_triplet_of("192.0.2." + std::to_string(i)));
  CHECK(has_triplet_of("198.51.100.1"));
  CHECK(a.member->last_meeting().good == now + 7);
}

TEST_CASE_FIXTURE(Fixture,
                  "healing leaves the old alone: it costs what is new, not what is there") {
  a.store.set_up(false);
  for (int i = 0; i < 25'000; ++i) {
    a.ask(now - 3900 + i / 10, "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250));
  }
  a.ask(now - 5, "192.0.2.1");
  a.store.set_up(true);
  Daemon again(redis, {}, now);  // one for whom the store has a run
  again.tick(now);
  LastMeeting last = again.member->last_meeting();
  last.good = now - 10;
  shared::MemberCounters counters;
  shared::Member member(*a.service, a.store, HashKey{7}, "a", last, counters, [](auto&) {});
  member.tick(now);
  int slices = 0;
  for (; member.healing(); ++slices) member.heal(now);
  CHECK(counters.healed == 1);
  CHECK(slices <= 110);
  CHECK(has_triplet_of("192.0.2.1"));
}

TEST_CASE_FIXTURE(Fixture,
                  "who has another policy, or another key, says so once, and does not join") {
  a.tick(now);
  Policy other;
  other.min_resend = 60;
  Daemon c(redis, other, now), d(redis, {}, now, HashKey{8});
  for (Daemon* one : {&c, &d}) {
    one->tick(now);
    one->tick(now + 1);
    CHECK(one->member->state() == State::other_policy);
    CHECK(one->member_counters.other_policy == 1);
    CHECK(one->member_counters.healed == 0);
    CHECK(one->member->others_policy() ==
          (one == &c ? "min-resend is 300 there and 60 here" : "the key is another"));
  }
  SUBCASE("and joins when nobody with that one has come by for a minute") {
    a.store.say({"DEL", "{greyd}:policy"});
    c.tick(now + 2);
    CHECK(c.member->state() == State::member);
    a.tick(now + 3);
    CHECK(a.member->state() == State::other_policy);
  }
}

TEST_CASE("a clock may differ by a tenth of min resend, within 2 to 30 seconds") {
  const auto most = [](Seconds min_resend) {
    Policy policy;
    policy.min_resend = min_resend;
    return shared::Member::most_clock_difference(policy);
  };
  CHECK(most(0) == 2);
  CHECK(most(60) == 6);
  CHECK(most(300) == 30);
  CHECK(most(3600) == 30);
}

TEST_CASE_FIXTURE(Fixture, "imported records are told, whatever they are stamped with") {
  a.tick(now);
  SavedRecord record;
  record.client = *Ip::parse("192.0.2.1");
  record.sender = "a@x";
  record.recipient = "b@y";
  record.seen = now - 3000;
  CHECK(a.service->import({&record, 1}, now).taken == 1);
  CHECK(a.decider->take_untold());
  a.member->tell_all();
  a.tick(now + 1);
  CHECK(has_triplet_of("192.0.2.1"));
  CHECK(b.ask(now + 1, "192.0.2.1") == Reason::passed);
  // Once.
  CHECK_FALSE(a.decider->take_untold());
  const auto healed = a.member_counters.healed;
  a.tick(now + 2);
  CHECK(a.member_counters.healed == healed);
}

TEST_CASE_FIXTURE(Fixture, "who ends before all has been told tells it after the start") {
  a.tick(now);
  a.member->tell_all();
  CHECK(a.member->last_meeting().good == 0);
  a.member->tick(now + 1);
  CHECK(a.member->healing());
  a.member->tell_all();  // more comes meanwhile
  while (a.member->healing()) a.member->heal(now + 1);
  CHECK(a.member->last_meeting().good == 0);
  a.tick(now + 2);
  a.tick(now + 3);
  CHECK(a.member->last_meeting().good == now + 3);
}

TEST_CASE_FIXTURE(Fixture, "whose clock is another decides alone until it is not") {
  a.tick(now);
  a.tick(now + 400);
  CHECK(a.member->state() == State::other_clock);
  a.tick(now + 401);
  CHECK(a.member_counters.other_clock == 1);
  CHECK(a.member->clock_ahead() >= 400);
  a.ask(now - 20, "192.0.2.1");
  a.tick(now + 1);
  CHECK(a.member->state() == State::member);
  CHECK(has_triplet_of("192.0.2.1"));
}

TEST_CASE_FIXTURE(Fixture, "what was stamped while the clock was behind is told when it is right") {
  a.tick(now);
  a.store.set_up(false);
  a.tick(now - 1000);
  a.ask(now - 999, "192.0.2.1");
  a.store.set_up(true);
  a.tick(now + 1);
  CHECK(has_triplet_of("192.0.2.1"));
}

TEST_CASE_FIXTURE(Fixture, "what others have put there is no reason to fail") {
  know(a, "192.0.2.1", now - 10);
  a.store.set_up(false);
  a.ask(now - 10, "192.0.2.2");
  a.store.set_up(true);
  b.ask(now, "192.0.2.1");
  const std::string key = a.store.say({"KEYS", "g:*"}).at(0);
  a.store.say({"DEL", key});
  a.store.say({"LPUSH", key, "x"});
  SUBCASE("of another kind") {}
  SUBCASE("policy and run") {
    a.store.say({"SET", "{greyd}:run", ":::\n::9999999999999999999999"});
    a.store.say({"SET", "{greyd}:beat", "5"});
  }
  a.tick(now);
  CHECK(a.member->state() == State::member);
  CHECK(a.member_counters.healed == 2);
  CHECK(has_triplet_of("192.0.2.2"));
}
