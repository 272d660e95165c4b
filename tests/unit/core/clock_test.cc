// A wrong clock: in the past, in the future, for a while, and right again.
#include <doctest/doctest.h>

#include <string>

#include "greyd/core/clock_guard.h"
#include "greyd/core/greylist.h"

using namespace grey;
using wire::Reason;

namespace {

constexpr Seconds kNow = 1'700'000'000, kDay = 86'400;

struct Fixture {
  explicit Fixture(const Policy& policy = {}) : greylist(policy, 100'000, HashKey{}) {}

  Reason ask(const std::string& client, const std::string& sender, Seconds now) {
    const std::string datagram = "I" + client + '\0' + "F" + sender + '\0' + "Tb@y.net" + '\0';
    wire::Query query;
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    return greylist.decide(query, lists, now).reason;
  }
  void make_known(const std::string& client, Seconds now) {
    ask(client, "a@x.org", now - 400);
    REQUIRE(ask(client, "a@x.org", now) == Reason::passed);
  }
  void expire_all(Seconds now) {
    while (greylist.expire(now, 7) == 7) {
    }
  }
  std::size_t clients() const { return greylist.table().count(RecordClass::client); }

  const Lists lists;
  Greylist greylist;
};

std::string client_ip(int n) {
  return "192.0.2." + std::to_string(n);
}

}  // namespace

TEST_CASE("a clock that was slow for a while costs no known client") {
  for (const Seconds slow : {Seconds{1}, Seconds{3600}, 10 * kDay, kNow - 946'684'800}) {
    CAPTURE(slow);
    Fixture f;
    for (int n = 0; n < 50; ++n) f.make_known(client_ip(n), kNow + n);
    const Seconds wrong = kNow - slow;
    f.expire_all(wrong);
    for (int n = 0; n < 25; ++n) CHECK(f.ask(client_ip(n), "z@x.org", wrong) == Reason::known);
    f.make_known("198.51.100.1", wrong + 500);  // learnt meanwhile
    f.expire_all(wrong + 600);
    // Right again.
    f.expire_all(kNow + 700);
    for (int n = 0; n < 50; ++n) CHECK(f.ask(client_ip(n), "y@x.org", kNow + 700) == Reason::known);
  }
}

TEST_CASE("records with stamps in the future stay through a restart") {
  Fixture before;
  before.make_known("192.0.2.1", kNow);
  Fixture after;
  const Seconds wrong = kNow - 10 * kDay;
  before.greylist.for_each(
      [&](const SavedRecord& record) { CHECK(after.greylist.restore(record, wrong)); });
  std::size_t found = 0;
  after.greylist.for_each([&](const SavedRecord& record) {
    ++found;
    CHECK(record.seen == kNow);
  });
  CHECK(found == 2);
  CHECK(after.greylist.latest_restored() == kNow);
  CHECK(after.greylist.over_restored() == 0);
  CHECK(after.ask("192.0.2.1", "n@x.org", kNow) == Reason::known);
}

TEST_CASE("expiry gets past records of the future, and stops early again once all is in order") {
  Fixture f;
  for (int n = 0; n < 20; ++n) f.make_known(client_ip(n), kNow + 9 * kDay);  // a fast clock
  for (int n = 20; n < 50; ++n) f.make_known(client_ip(n), kNow + n);        // right again
  for (int n = 50; n < 70; ++n) f.make_known(client_ip(n), kNow + 3 * kDay);
  REQUIRE(f.clients() == 70);
  f.expire_all(kNow + 8 * kDay);
  CHECK(f.clients() == 40);  // the thirty between them are gone
  f.expire_all(kNow + 11 * kDay);
  CHECK(f.clients() == 20);
  f.expire_all(kNow + 17 * kDay);
  CHECK(f.clients() == 0);
  CHECK(f.greylist.table().size() == 0);
}

TEST_CASE("expiry does not disturb a snapshot, also past records of the future") {
  Fixture f;
  for (int n = 0; n < 20; ++n) f.make_known(client_ip(n), kNow + 9 * kDay);
  for (int n = 20; n < 60; ++n) f.make_known(client_ip(n), kNow);
  Greylist::Walk walk(f.greylist);
  walk.start();
  std::size_t visited = 0;
  const Seconds now = kNow + kDay;  // nothing is over
  while (walk.visit(3, [&](const SavedRecord&) { ++visited; })) f.greylist.expire(now, 5);
  CHECK(visited == f.greylist.table().size());
}

TEST_CASE("a waiting triplet of the future waits no longer than from now on") {
  Fixture f;
  REQUIRE(f.ask("192.0.2.1", "a@x.org", kNow + 400 * kDay) == Reason::new_triplet);
  CHECK(f.ask("192.0.2.1", "a@x.org", kNow) == Reason::early);
  CHECK(f.ask("192.0.2.1", "a@x.org", kNow + 299) == Reason::early);
  CHECK(f.ask("192.0.2.1", "a@x.org", kNow + 300) == Reason::passed);
}

TEST_CASE("while expiry is suspended what is over counts as if it were not") {
  Fixture f;
  f.make_known(client_ip(1), kNow);
  f.greylist.set_expiry(Expiry::suspended);
  CHECK(f.ask(client_ip(1), "n@x.org", kNow + 400 * kDay) == Reason::known);
  f.greylist.set_expiry(Expiry::usual);
  f.expire_all(kNow + 60);
  CHECK(f.ask(client_ip(1), "n@x.org", kNow + 60) == Reason::known);
}

TEST_CASE("a leap is a difference of the clocks of more than a day, also in several steps") {
  ClockGuard guard;
  CHECK(!guard.look(kNow, 100));
  CHECK(!guard.look(kNow + 30, 130));
  CHECK(!guard.look(kNow + kDay, 131));  // no more than a day
  CHECK(guard.expiry() == Expiry::usual);
  CHECK(guard.look(kNow + 2 * kDay, 132).has_value());
  CHECK(guard.expiry() == Expiry::suspended);
  // Back again is another one, and counts from then.
  CHECK(guard.look(kNow + 60, 1132).has_value());
  CHECK(!guard.look(kNow + 60 + 3599, 1132 + 3599));
  CHECK(guard.expiry() == Expiry::suspended);
  CHECK(!guard.look(kNow + 60 + 3600, 1132 + 3600));
  CHECK(guard.expiry() == Expiry::usual);
}

TEST_CASE("a clock that is slewed a little each hour does not leap") {
  ClockGuard guard;
  Seconds wall = kNow, monotonic = 0;
  for (int hour = 0; hour < 1000; ++hour) {
    wall += 4000;
    monotonic += 3600;
    CHECK(!guard.look(wall, monotonic));
  }
}

TEST_CASE("a start is doubtful a day from the latest stamp, or when most or long since is over") {
  const auto doubtful = [](Seconds latest, std::size_t records, std::size_t over, bool overdue) {
    return looks_doubtful(kNow, {latest, records, over, overdue});
  };
  CHECK(!doubtful(0, 0, 0, false));
  CHECK(!doubtful(kNow - 600, 100, 50, false));
  CHECK(doubtful(kNow - 600, 100, 51, false));
  CHECK(doubtful(kNow - 600, 100, 1, true));
  CHECK(!doubtful(kNow - kDay, 100, 0, false));
  CHECK(doubtful(kNow - kDay - 1, 100, 0, false));
  CHECK(doubtful(kNow + kDay + 1, 100, 0, false));
  ClockGuard guard;
  guard.look(kNow, 100);
  guard.begin_doubtful(100);
  CHECK(!guard.look(kNow + 3599, 3699));
  CHECK(guard.expiry() == Expiry::suspended);
  CHECK(!guard.look(kNow + 3600, 3700));
  CHECK(guard.expiry() == Expiry::usual);
}

TEST_CASE("what was over long before the latest stamp shows that it was kept") {
  Fixture f;
  f.make_known("192.0.2.1", kNow);
  CHECK(!f.greylist.has_over(kNow + 7 * kDay - 1));
  CHECK(f.greylist.has_over(kNow + 7 * kDay));
  CHECK(!Fixture().greylist.has_over(kNow));
}
