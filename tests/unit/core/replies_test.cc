// Whom ours have written to may answer at once: what is kept of it, and for whom it counts.
#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "greyd/core/greylist.h"
#include "greyd/state/record_text.h"
#include "tests/unit/core/pools.h"

using namespace grey;
using wire::Reason;

namespace {

constexpr Seconds kNow = 1'700'000'000, kDay = 86400;
constexpr std::string_view kOurs = "joe@here.example", kTheirs = "ann@there.example";

// Who may send for which domain.
struct Senders : testing::PoolTable {
  bool is_host_of_sender(const wire::Query& query) const override {
    const auto found = may.find(std::string(query.sender.substr(query.sender.rfind('@') + 1)));
    return found != may.end() && found->second.contains(to_string(query.client.ip));
  }
  std::map<std::string, std::set<std::string>> may;
};

Policy policy_with_replies() {
  Policy policy;
  policy.replies = 30 * kDay;
  return policy;
}

struct Fixture {
  explicit Fixture(const Policy& policy = policy_with_replies())
      : greylist(policy, 1000, HashKey{}) {
    senders.may["there.example"] = {"192.0.2.1"};
    greylist.use_pools(&senders);
  }
  Decided ask(std::string_view client, std::string_view sender,
              const std::vector<std::string>& recipients, Seconds now = kNow) {
    std::string datagram = "I" + std::string(client) + '\0' + "F" + std::string(sender) + '\0';
    for (const std::string& recipient : recipients) datagram += "T" + recipient + '\0';
    wire::Query query;
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    const auto peeked = greylist.peek(query, Lists(), now);
    const Decided decided = greylist.decide(query, Lists(), now);
    CHECK(peeked.decision.reason == decided.reason);
    return decided;
  }
  Reason reason(std::string_view client, std::string_view sender, std::string recipient,
                Seconds now = kNow) {
    return ask(client, sender, {std::move(recipient)}, now).reason;
  }

  Senders senders;
  Greylist greylist;
};

std::string lines_of(const Greylist& greylist) {
  std::string text;
  greylist.for_each([&](const SavedRecord& record) { append_record(text, record); });
  return text;
}

}  // namespace

TEST_CASE("an answer of whoever ours have written to is accepted, and leaves no trace") {
  Fixture fixture;
  REQUIRE(fixture.greylist.sent(kOurs, kTheirs, kNow - 60, kNow));
  const Decided decided = fixture.ask("192.0.2.1", kTheirs, {std::string(kOurs)});
  CHECK(decided.reason == Reason::reply);
  CHECK(decided.verdict == wire::Verdict::accept);
  CHECK(decided.age == 60);
  CHECK(lines_of(fixture.greylist) ==
        "S 1699999940 sent:there.example ann@there.example joe@here.example\n");
}

TEST_CASE(
    "a reply counts for that pair, from who may send for the domain, and as long as its life") {
  const struct {
    std::string_view what, client, sender, recipient;
    Seconds age;
    Reason reason;
  } rows[] = {
      {"letters", "192.0.2.1", "ANN@there.example", "JOE@here.example", 0, Reason::reply},
      {"an extension of ours", "192.0.2.1", "ann@there.example", "joe+tag@here.example", 0,
       Reason::reply},
      {"BATV of theirs", "192.0.2.1", "prvs=1234abcdef=ann@there.example", "joe@here.example", 0,
       Reason::reply},
      {"the last second", "192.0.2.1", kTheirs, kOurs, 30 * kDay - 1, Reason::reply},
      {"over", "192.0.2.1", kTheirs, kOurs, 30 * kDay, Reason::new_triplet},
      {"forged", "198.51.100.7", kTheirs, kOurs, 0, Reason::new_triplet},
      {"a bounce", "192.0.2.1", "", kOurs, 0, Reason::new_triplet},
      {"another sender", "192.0.2.1", "eve@there.example", kOurs, 0, Reason::new_triplet},
      {"another recipient", "192.0.2.1", kTheirs, "jim@here.example", 0, Reason::new_triplet},
      {"the other way round", "192.0.2.1", kOurs, kTheirs, 0, Reason::new_triplet},
  };
  for (const SenderKey key :
       {SenderKey::full, SenderKey::normalized, SenderKey::domain, SenderKey::none}) {
    Policy policy = policy_with_replies();
    policy.sender_key = key;
    for (const auto& row : rows) {
      CAPTURE(row.what);
      Fixture fixture(policy);
      REQUIRE(fixture.greylist.sent(kOurs, kTheirs, kNow, kNow));
      CHECK(fixture.reason(row.client, row.sender, std::string(row.recipient), kNow + row.age) ==
            row.reason);
    }
  }
}

TEST_CASE("what cannot be answered is not kept") {
  const std::string long_one(320, 'x');
  const struct {
    std::string ours, theirs;
  } rows[] = {{"", std::string(kTheirs)},
              {std::string(kOurs), ""},
              {std::string(kOurs), "ann"},
              {std::string(kOurs), "ann@localhost"},
              {std::string(kOurs), "ann@[192.0.2.1]"},
              {std::string(kOurs), "ann@there."},
              {std::string(kOurs), "ann@there..example"},
              {std::string(kOurs), "ann@192.0.2.1"},
              {std::string(kOurs), "@there.example"},
              {std::string(kOurs), "ann@"},
              {std::string(kOurs), "ann@a b.example"},
              {std::string(kOurs), long_one + "@there.example"},
              {long_one + "@here.example", std::string(kTheirs)},
              {std::string(kOurs), "ann@" + std::string(260, 'd') + ".example"}};
  Fixture fixture;
  for (const auto& row : rows) {
    CAPTURE(row.theirs);
    CHECK(!fixture.greylist.sent(row.ours, row.theirs, kNow, kNow));
  }
  CHECK(!fixture.greylist.sent(kOurs, kTheirs, kNow - 30 * kDay, kNow));
  CHECK(fixture.greylist.table().size() == 0);
  Policy off;
  Fixture without(off);
  CHECK(!without.greylist.sent(kOurs, kTheirs, kNow, kNow));
  Policy greydaemon = policy_with_replies();
  greydaemon.personality = Personality::greydaemon;
  CHECK(!Fixture(greydaemon).greylist.sent(kOurs, kTheirs, kNow, kNow));
}

TEST_CASE("the last time that it was told counts, in whatever order") {
  for (const bool later_first : {false, true}) {
    Fixture fixture;
    const Seconds early = kNow - 20 * kDay, late = kNow - kDay;
    fixture.greylist.sent(kOurs, kTheirs, later_first ? late : early, kNow);
    fixture.greylist.sent(kOurs, kTheirs, later_first ? early : late, kNow);
    CHECK(lines_of(fixture.greylist).starts_with("S " + std::to_string(late) + " "));
    CHECK(fixture.greylist.table().size() == 1);
  }
}

TEST_CASE("a recipient who is answered counts for itself as a known triplet does") {
  Policy all = policy_with_replies();
  all.recipients = RecipientRule::all;
  const std::vector<std::string> two = {std::string(kOurs), "jim@here.example"};
  Fixture any, each(all);
  for (Fixture* fixture : {&any, &each}) fixture->greylist.sent(kOurs, kTheirs, kNow, kNow);
  CHECK(any.ask("192.0.2.1", kTheirs, two).reason == Reason::reply);
  CHECK(each.ask("192.0.2.1", kTheirs, two).reason == Reason::new_triplet);
  // The other recipient waits as ever, and the client earns by it as ever.
  CHECK(lines_of(any.greylist).find("W 1700000000 192.0.2.1 ann@there.example jim@") == 0);
  CHECK(any.ask("192.0.2.1", kTheirs, two, kNow + 400).reason == Reason::passed);
  CHECK(each.ask("192.0.2.1", kTheirs, two, kNow + 400).reason == Reason::passed);
}

TEST_CASE("a client in the networks of the sender's domain may send for it, as long as it is") {
  Fixture fixture;
  fixture.senders.networks["there.example"] = {"198.51.100.7"};
  fixture.greylist.sent(kOurs, kTheirs, kNow, kNow);
  CHECK(fixture.reason("198.51.100.7", kTheirs, std::string(kOurs)) == Reason::reply);
  CHECK(fixture.reason("198.51.100.8", kTheirs, std::string(kOurs)) == Reason::new_triplet);
  fixture.senders.networks.clear();
  CHECK(fixture.reason("198.51.100.7", kTheirs, std::string(kOurs)) == Reason::new_triplet);
}

TEST_CASE("what was sent comes back from its lines, and is forgotten by one") {
  Fixture fixture;
  fixture.greylist.sent("Joe+x@here.example", "ANN@there.example", kNow - 5, kNow);
  const std::string line = lines_of(fixture.greylist);
  RecordReader reader;
  const std::string_view text = std::string_view(line).substr(0, line.size() - 1);
  const SavedRecord* record = reader.read(text);
  REQUIRE(record != nullptr);
  Fixture other;
  CHECK(other.greylist.restore(*record, kNow));
  CHECK(lines_of(other.greylist) == line);
  CHECK(other.greylist.import(*record, kNow) == Greylist::Import::had);
  const std::string forgotten = "F" + std::string(text.substr(1));
  record = reader.read(forgotten);
  REQUIRE(record != nullptr);
  other.greylist.replay(*record, kNow);
  CHECK(other.greylist.table().size() == 0);
  Policy off;
  CHECK(!Fixture(off).greylist.restore(*reader.read(text), kNow));
}

TEST_CASE("a line of what was sent is none when it contradicts itself") {
  RecordReader reader;
  for (const std::string_view line :
       {"S 5 192.0.2.1 a@x.example b@y.example", "W 5 sent:x.example a@x.example b@y.example",
        "S 5 sent:x.example a@z.example b@y.example", "S 5 sent:x.example <> b@y.example",
        "S 5 sent:x.example a@x.example <>", "C 5 1 sent:x.example", "F 5 sent:x.example",
        "S 5 sent:X.example a@x.example b@y.example", "S 5 sent: a@ b@y.example",
        "S 5 spf:x.example a@x.example b@y.example"}) {
    CAPTURE(line);
    CHECK(reader.read(line) == nullptr);
  }
  CHECK(reader.read("S 5 sent:x.example A@X.example b@y.example") != nullptr);
}

TEST_CASE("what was sent has an eighth of the records, and goes for itself beyond that") {
  Greylist greylist(policy_with_replies(), 800, HashKey{});
  for (int i = 0; i < 300; ++i) {
    greylist.sent("joe@here.example", "a" + std::to_string(i) + "@there.example", kNow + i,
                  kNow + i);
  }
  CHECK(greylist.table().count(RecordClass::sent) == 100);
  CHECK(lines_of(greylist).starts_with("S 1700000200 "));  // the oldest went
  // It goes for triplets, which are more, but for those that have passed.
  for (int i = 0; i < 2000; ++i) {
    greylist.import({RecordClass::passed, kNow, 0, Ip::from_v4(std::uint32_t(i) << 12),
                     "a@x.example", "b@y.example"},
                    kNow);
  }
  CHECK(greylist.table().count(RecordClass::sent) == 0);
  CHECK(greylist.table().count(RecordClass::passed) == 800);
}

TEST_CASE("how many of what was sent are over says nothing of the clock") {
  Greylist greylist(policy_with_replies(), 1000, HashKey{});
  SavedRecord record{RecordClass::sent,
                     kNow - 40 * kDay,
                     0,
                     Client::of_pool(PoolKind::sent, "there.example"),
                     kTheirs,
                     kOurs};
  CHECK_FALSE(greylist.restore(record, kNow));
  CHECK(greylist.over_restored() == 0);
  record = {RecordClass::waiting, kNow - 40 * kDay, 0, *Ip::parse("192.0.2.1"), kTheirs, kOurs};
  CHECK_FALSE(greylist.restore(record, kNow));
  CHECK(greylist.over_restored() == 1);
}

TEST_CASE("who tells of many fills his own share") {
  Greylist greylist(policy_with_replies(), 8000, HashKey{});
  const Ip first = *Ip::parse("192.0.2.1"), second = *Ip::parse("192.0.2.2");
  greylist.sent("joe@here.example", "first@there.example", kNow, kNow, first);
  for (int i = 0; i < 5000; ++i) {
    greylist.sent("joe@here.example", "a" + std::to_string(i) + "@there.example", kNow, kNow,
                  second);
  }
  CHECK(greylist.table().count(RecordClass::sent) == 1000);
  CHECK(greylist.table().shares().held(second, Shares::Kind::sent) <= 1000);
  CHECK(lines_of(greylist).find(" first@there.example ") != std::string::npos);
}

TEST_CASE("whatever is no credible reply is decided as if nothing had been sent") {
  std::mt19937 random(20);
  for (int round = 0; round < 100; ++round) {
    Policy policy = policy_with_replies();
    policy.min_resend = 60;
    policy.resend_window = 600;
    policy.timeout = 3000;
    policy.client_passes = unsigned(random() % 3);
    if (random() % 4 == 0) policy.sender_key = SenderKey::domain;
    if (random() % 3 == 0) policy.recipients = RecipientRule::all;
    Fixture with(policy), without(policy);
    std::set<std::pair<std::string, std::string>> told;
    Seconds now = kNow;
    const auto digit = [&](unsigned of) { return std::to_string(1 + random() % of); };
    for (int step = 0; step < 150; ++step) {
      now += Seconds(random() % 60);
      const std::string theirs = "a" + digit(3) + "@there.example";
      const std::string ours = "r" + digit(3) + "@here.example";
      if (random() % 5 == 0) {
        with.greylist.sent(ours, theirs, now, now);
        told.insert({theirs, ours});
        continue;
      }
      const std::string client = "192.0.2." + digit(3);
      const std::string sender = random() % 8 == 0 ? "" : theirs;
      const bool credible = client == "192.0.2.1" && told.contains({sender, ours});
      if (credible) {
        const Decided here = with.ask(client, sender, {ours}, now);
        if (here.reason == Reason::reply) continue;
        CHECK(here.reason == Reason::known);  // the client is: as it is without
        CHECK(without.ask(client, sender, {ours}, now).reason == Reason::known);
        continue;
      }
      const Decided one = with.ask(client, sender, {ours}, now);
      const Decided other = without.ask(client, sender, {ours}, now);
      CHECK(one.reason == other.reason);
      CHECK(one.age == other.age);
      CHECK(one.wait == other.wait);
    }
  }
}
