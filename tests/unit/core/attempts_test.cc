// What becomes of first attempts: each way that one can end, and that the sums are right whatever
// happens.
#include "greyd/core/attempts.h"

#include <doctest/doctest.h>

#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "greyd/core/greylist.h"

using namespace grey;

namespace {

constexpr Seconds kFirst = 1'700'002'800;  // the first second of an hour
static_assert(kFirst % kHourSeconds == 0);
constexpr Seconds kDay = 24 * kHourSeconds;

struct Fixture {
  explicit Fixture(const Policy& policy = {}, std::size_t most = 10'000)
      : greylist(policy, most, HashKey{}) {
    greylist.count_attempts_in(&attempts);
  }

  wire::Reason ask(Seconds now, std::string_view client, std::string_view sender = "a@x",
                   std::string_view recipient = "b@y", std::uint64_t message = 0) {
    std::string datagram = "I" + std::string(client) + '\0' + "F" + std::string(sender) + '\0';
    datagram += "T" + std::string(recipient) + '\0';
    wire::Query query;
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    query.message = message;
    return greylist.decide(query, Lists(), now).reason;
  }
  // Of the hour from kFirst on.
  const AttemptCounts& hour() const { return attempts.hours().at(kFirst); }

  AttemptTotals totals;
  Attempts attempts{totals};
  Greylist greylist;
};

Count sum(const AgeCounts& counts) {
  return std::accumulate(counts.begin(), counts.end(), Count{0});
}

}  // namespace

TEST_CASE("an age is of the class of the first bound above it") {
  CHECK(age_class(0) == 0);
  CHECK(age_class(29) == 0);
  CHECK(age_class(30) == 1);
  CHECK(age_class(299) == 5);
  CHECK(age_class(300) == 6);
  CHECK(age_class(86399) == kAgeBounds.size() - 1);
  CHECK(age_class(86400) == kAgeBounds.size());
  CHECK(age_class(1'000'000'000) == kAgeClasses - 1);
}

TEST_CASE_FIXTURE(Fixture, "a triplet that comes back counts for the hour of its first attempt") {
  ask(kFirst + 3500, "192.0.2.1");
  CHECK(ask(kFirst + 3700, "192.0.2.1") == wire::Reason::early);
  CHECK(hour().first == 1);
  CHECK(hour().early[age_class(200)] == 1);
  CHECK(ask(kFirst + 4000, "192.0.2.1") == wire::Reason::passed);
  CHECK(attempts.hours().size() == 1);
  CHECK(hour().passed[age_class(500)] == 1);
  CHECK(hour().waited == 500);
  CHECK(sum(hour().early) == 0);
  CHECK(hour().passed_early[age_class(200)] == 1);
  CHECK(hour().passed_early_waited[age_class(200)] == 500);
  CHECK(totals.first == 1);
  CHECK(totals.passed[age_class(500)] == 1);
  CHECK(totals.waited == 500);
}

TEST_CASE_FIXTURE(Fixture, "of several early retries the last one counts") {
  ask(kFirst, "192.0.2.1");
  ask(kFirst + 61, "192.0.2.1");
  ask(kFirst + 125, "192.0.2.1");
  ask(kFirst + 130, "192.0.2.1");
  CHECK(sum(hour().early) == 1);
  CHECK(hour().early[age_class(125)] == 1);
}

TEST_CASE_FIXTURE(Fixture, "who never comes back is held back for good once that is forgotten") {
  ask(kFirst, "192.0.2.1");
  greylist.expire(kFirst + 8 * kDay, SIZE_MAX);
  CHECK(hour().never == 1);
  CHECK(hour().trusted == 0);
  CHECK(totals.never == 1);
}

TEST_CASE_FIXTURE(Fixture, "a triplet that is forgotten of a client that got known was let in") {
  ask(kFirst, "192.0.2.1", "a@x");
  ask(kFirst, "192.0.2.1", "other@x");
  CHECK(ask(kFirst + 300, "192.0.2.1", "a@x") == wire::Reason::passed);
  for (Seconds day = 1; day < 9; ++day) {
    CHECK(ask(kFirst + day * kDay, "192.0.2.1", "third@x") == wire::Reason::known);
  }
  greylist.expire(kFirst + 8 * kDay, SIZE_MAX);
  CHECK(hour().first == 2);
  CHECK(hour().trusted == 1);
  CHECK(hour().never == 0);
}

TEST_CASE_FIXTURE(Fixture, "one that comes too late has ended, and begins anew in its hour") {
  ask(kFirst, "192.0.2.1");
  CHECK(ask(kFirst + 13 * kHourSeconds, "192.0.2.1") == wire::Reason::stale);
  CHECK(hour().never == 1);
  CHECK(attempts.hours().at(kFirst + 13 * kHourSeconds).first == 1);
}

TEST_CASE_FIXTURE(Fixture, "a bounce counts once, when it is accepted") {
  ask(kFirst, "192.0.2.1", "");
  CHECK(ask(kFirst + 400, "192.0.2.1", "") == wire::Reason::bounce);
  ask(kFirst + 500, "192.0.2.1", "");
  CHECK(sum(hour().passed) == 1);
  CHECK(hour().waited == 400);
}

TEST_CASE("under greydaemon's rules a triplet that waits on has passed once") {
  Policy policy;
  policy.personality = Personality::greydaemon;
  policy.recipients = RecipientRule::all;
  policy.client_passes = 0;
  Fixture of(policy);
  of.ask(kFirst, "192.0.2.1");
  CHECK(of.ask(kFirst + 400, "192.0.2.1") == wire::Reason::passed);
  CHECK(of.ask(kFirst + 500, "192.0.2.1") == wire::Reason::passed);
  CHECK(sum(of.hour().passed) == 1);
  of.greylist.expire(kFirst + 30 * kDay, SIZE_MAX);
  CHECK(of.hour().never == 0);
}

TEST_CASE_FIXTURE(Fixture, "who waited longest is told, in words and cut") {
  const std::string hostile = "<script>\n" + std::string(300, 'x') + "@example.org";
  ask(kFirst, "192.0.2.1", "a@x");
  ask(kFirst, "192.0.2.2", hostile);
  ask(kFirst + 310, "192.0.2.1", "a@x");
  ask(kFirst + 700, "192.0.2.2", hostile);
  CHECK(hour().longest.waited == 700);
  CHECK(hour().longest.client == "192.0.2.2");
  CHECK(hour().longest.sender.starts_with("%3Cscript>%0Axxx"));
  CHECK(hour().longest.sender.size() < 320);
  CHECK(hour().longest.recipient == "b@y");
}

TEST_CASE_FIXTURE(Fixture, "the mark of a retry changes nothing that is remembered of a triplet") {
  ask(kFirst, "192.0.2.1");
  ask(kFirst + 200, "192.0.2.1");
  int seen = 0;
  greylist.for_each([&](const SavedRecord& record) {
    ++seen;
    CHECK(record.passes == 0);
    CHECK(record.seen == kFirst);
  });
  CHECK(seen == 1);
}

TEST_CASE_FIXTURE(Fixture, "what is imported and waits has begun, once") {
  SavedRecord record;
  record.seen = kFirst + 5;
  record.client = Client(*Ip::parse("192.0.2.1"));
  record.sender = "a@x";
  record.recipient = "b@y";
  greylist.import(record, kFirst + 10);
  greylist.import(record, kFirst + 10);
  CHECK(hour().first == 1);
  CHECK(ask(kFirst + 400, "192.0.2.1") == wire::Reason::passed);
  CHECK(sum(hour().passed) == 1);
}

TEST_CASE_FIXTURE(Fixture, "a triplet that comes back from the dead ends once") {
  ask(kFirst, "192.0.2.1");
  greylist.expire(kFirst + 8 * kDay, SIZE_MAX);
  SavedRecord record;  // as a snapshot has it that is older than a death
  record.seen = kFirst;
  record.client = Client(*Ip::parse("192.0.2.1"));
  record.sender = "a@x";
  record.recipient = "b@y";
  greylist.set_expiry(Expiry::suspended);
  greylist.restore(record, kFirst + 8 * kDay);
  greylist.set_expiry(Expiry::usual);
  greylist.expire(kFirst + 8 * kDay, SIZE_MAX);
  CHECK(greylist.table().size() == 0);
  CHECK(hour().never == 1);
}

TEST_CASE_FIXTURE(Fixture,
                  "early retries are counted once, however often a restart forgets of which") {
  SavedRecord record;
  record.seen = kFirst;
  record.client = Client(*Ip::parse("192.0.2.1"));
  record.sender = "a@x";
  record.recipient = "b@y";
  ask(kFirst, "192.0.2.1");
  for (const Seconds age : {70, 130, 200}) {
    Greylist again(Policy{}, 100, HashKey{});
    again.count_attempts_in(&attempts);
    again.restore(record, kFirst + age);
    wire::Query query;
    const std::string datagram =
        "I192.0.2.1" + std::string(1, '\0') + "Fa@x" + '\0' + "Tb@y" + '\0';
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    again.decide(query, Lists(), kFirst + age);
  }
  CHECK(sum(hour().early) == 1);
  CHECK(hour().early[age_class(200)] == 1);
  ask(kFirst + 400, "192.0.2.1");
  CHECK(sum(hour().early) == 0);
}

TEST_CASE_FIXTURE(Fixture, "hours that are taken out are counted in no more") {
  ask(kFirst, "192.0.2.1");
  ask(kFirst + 5 * kHourSeconds, "192.0.2.2");
  auto taken = attempts.take_before(kFirst + kHourSeconds);
  REQUIRE(taken.size() == 1);
  CHECK(taken.at(kFirst).first == 1);
  ask(kFirst + 5 * kHourSeconds, "192.0.2.1");
  CHECK(attempts.hours().size() == 1);
  CHECK(attempts.hours().begin()->first == kFirst + 5 * kHourSeconds);
}

// Whatever is asked: what began has passed, has ended, or waits.
TEST_CASE("what began has passed, or has ended, or waits still") {
  for (unsigned seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto pick = [&](unsigned below) { return unsigned(random() % below); };
    Policy policy;
    policy.recipients = pick(2) == 0 ? RecipientRule::any : RecipientRule::all;
    policy.client_passes = pick(3);
    policy.recipient_key = pick(3) == 0 ? RecipientKey::none : RecipientKey::full;
    policy.sender_key = pick(3) == 0 ? SenderKey::none : SenderKey::full;
    Fixture of(policy);
    Seconds now = kFirst;
    for (int step = 0; step < 300; ++step) {
      static constexpr Seconds kSteps[] = {0, 1, 40, 130, 299, 301, 3000, 50'000, 400'000};
      now += kSteps[pick(std::size(kSteps))];
      std::string recipients = "1@y";
      for (unsigned more = pick(3); more > 0; --more) {
        recipients += '\0';
        recipients += "T" + std::to_string(pick(4)) + "@y";
      }
      of.ask(now, "192.0.2." + std::to_string(pick(4)), pick(4) == 0 ? "" : "a@x", recipients,
             pick(2) * pick(5));
      if (pick(10) == 0) of.greylist.expire(now, SIZE_MAX);
    }
    AttemptCounts all;
    for (const auto& [hour, counts] : of.attempts.hours()) {
      all.first += counts.first;
      all.trusted += counts.trusted;
      all.never += counts.never;
      all.waited += counts.waited;
      for (std::size_t i = 0; i < kAgeClasses; ++i) {
        all.passed[i] += counts.passed[i];
        all.early[i] += counts.early[i];
        all.passed_early[i] += counts.passed_early[i];
      }
      CHECK(sum(counts.passed) + counts.trusted + counts.never <= counts.first);
      CHECK(sum(counts.passed_early) <= sum(counts.passed));
    }
    const std::size_t waiting = of.greylist.table().count(RecordClass::waiting);
    CHECK(all.first == sum(all.passed) + all.trusted + all.never + waiting);
    CHECK(sum(all.early) <= waiting + all.trusted + all.never);
    CHECK(of.totals.first == all.first);
    CHECK(of.totals.passed == all.passed);
    CHECK(of.totals.waited == all.waited);
    CHECK(of.totals.never == all.never);
  }
}
