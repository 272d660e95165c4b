// Pools as the manual tells of them: hosts of one provider count as one client besides themselves.
#include "greyd/core/pools.h"

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

constexpr Seconds kNow = 1'700'000'000;
constexpr Seconds kMinute = 60;

Policy one_minute() {
  Policy policy;
  policy.min_resend = kMinute;
  return policy;
}

struct Fixture {
  explicit Fixture(const Policy& policy = one_minute(), std::size_t most = 10'000)
      : greylist(policy, most, HashKey{}) {
    greylist.use_pools(&pools);
    greylist.count_attempts_in(&attempts);
    pools.networks["example.com"] = {"192.0.2.1", "192.0.2.2", "192.0.2.3"};
  }

  // "192.0.2.1", or "192.0.2.1 mx1.example.net" with its verified name.
  Decided ask(Seconds now, std::string_view client, std::string_view sender = "a@example.com",
              std::string_view recipient = "b@here.example") {
    const std::string datagram = testing::pool_datagram(client, sender, recipient);
    wire::Query query;
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    const Decided peeked = greylist.peek(query, Lists(), now).decision;
    const Decided decided = greylist.decide(query, Lists(), now);
    // Looking without touching says the same.
    CHECK(peeked.reason == decided.reason);
    CHECK(peeked.wait == decided.wait);
    CHECK(peeked.pool == decided.pool);
    return decided;
  }
  std::string shown(Seconds now, std::string_view client, std::string_view sender = "a@example.com",
                    std::string_view recipient = "b@here.example") {
    const Decided decided = ask(now, client, sender, recipient);
    std::string text(to_string(decided.reason));
    if (!decided.pool.empty()) text += " " + decided.pool;
    return text;
  }
  std::string records() const {
    std::string text;
    greylist.for_each([&](const SavedRecord& record) { append_record(text, record); });
    return text;
  }

  testing::PoolTable pools;
  AttemptTotals totals;
  Attempts attempts{totals};
  Greylist greylist;
};

}  // namespace

// ---- by SPF ------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(Fixture, "a retry from another host of the sender's domain is a good retry") {
  CHECK(shown(kNow, "192.0.2.1") == "new");
  CHECK(shown(kNow + kMinute, "192.0.2.2") == "passed spf:example.com");
}

TEST_CASE_FIXTURE(Fixture, "SPF never spares the first wait") {
  CHECK(shown(kNow, "192.0.2.1") == "new");
  CHECK(shown(kNow + 59, "192.0.2.2") == "early spf:example.com");
  CHECK(ask(kNow + 59, "192.0.2.3").wait == 1);
}

TEST_CASE_FIXTURE(Fixture, "after it mail of the domain from its hosts is known, whoever writes") {
  shown(kNow, "192.0.2.1");
  shown(kNow + kMinute, "192.0.2.2");
  CHECK(shown(kNow + 61, "192.0.2.3", "c@example.com", "d@here.example") ==
        "known spf:example.com");
  // The client itself has earned a pass, too: for mail of any domain.
  CHECK(shown(kNow + 62, "192.0.2.2", "e@other.example") == "known");
}

TEST_CASE_FIXTURE(Fixture, "a known pool counts for hosts that are in the networks as known now") {
  shown(kNow, "192.0.2.1");
  shown(kNow + kMinute, "192.0.2.1");
  CHECK(shown(kNow + 61, "192.0.2.9", "c@example.com") == "new");
  pools.networks.clear();
  CHECK(shown(kNow + 62, "192.0.2.3", "c@example.com") == "new");
}

TEST_CASE_FIXTURE(Fixture, "a client that passes by itself makes its pool known as well") {
  CHECK(shown(kNow, "192.0.2.1") == "new");
  CHECK(shown(kNow + kMinute, "192.0.2.1") == "passed");
  CHECK(shown(kNow + 61, "192.0.2.2", "c@example.com") == "known spf:example.com");
}

TEST_CASE("of two good retries that are wanted a pool's message counts once") {
  Policy policy = one_minute();
  policy.client_passes = 2;
  Fixture f(policy);
  f.shown(kNow, "192.0.2.1");
  CHECK(f.shown(kNow + 60, "192.0.2.2") == "passed spf:example.com");
  CHECK(f.shown(kNow + 61, "192.0.2.3") == "known spf:example.com");  // the triplet
  CHECK(f.shown(kNow + 62, "192.0.2.3", "c@example.com") == "new");
  CHECK(f.shown(kNow + 125, "192.0.2.1", "c@example.com") == "passed spf:example.com");
  CHECK(f.shown(kNow + 126, "192.0.2.2", "d@example.com") == "known spf:example.com");
}

TEST_CASE_FIXTURE(Fixture, "what waits when its domain's networks become known waits there, too") {
  pools.networks.clear();
  CHECK(shown(kNow, "192.0.2.1") == "new");
  pools.networks["example.com"] = {"192.0.2.1", "192.0.2.2"};
  const Client pool = Client::of_pool(PoolKind::spf, "example.com");
  SavedRecord waiting;
  waiting.client = Client::parse("192.0.2.1");
  waiting.sender = "a@example.com";
  waiting.recipient = "b@here.example";
  CHECK(greylist.wait_in_pool(waiting, pool, kNow + 5));
  CHECK(greylist.wait_in_pool(waiting, pool, kNow + 6));  // twice is once
  CHECK(records() ==
        "W 1700000000 192.0.2.1 a@example.com b@here.example\n"
        "W 1700000000 spf:example.com a@example.com b@here.example\n");
  CHECK(shown(kNow + kMinute, "192.0.2.2") == "passed spf:example.com");
  // What has been forgotten meanwhile waits nowhere.
  waiting.sender = "nobody@example.com";
  CHECK_FALSE(greylist.wait_in_pool(waiting, pool, kNow + 7));
}

TEST_CASE_FIXTURE(Fixture, "a bounce has no pool by SPF") {
  pools.networks[""] = {"192.0.2.1", "192.0.2.2"};
  CHECK(shown(kNow, "192.0.2.1", "") == "new");
  CHECK(shown(kNow + kMinute, "192.0.2.2", "") == "new");
}

// ---- by name -----------------------------------------------------------------------------------

TEST_CASE_FIXTURE(Fixture, "hosts below one name share a triplet's wait") {
  CHECK(shown(kNow, "198.51.100.1 out1.mail.example", "a@x.example") == "new");
  CHECK(shown(kNow + 30, "198.51.100.2 out2.mail.example", "a@x.example") ==
        "early name:mail.example");
  CHECK(shown(kNow + 60, "198.51.100.3 out3.mail.example", "a@x.example") ==
        "passed name:mail.example");
}

TEST_CASE_FIXTURE(Fixture, "hosts below one name earn nothing by it") {
  shown(kNow, "198.51.100.1 out1.mail.example", "a@x.example");
  CHECK(shown(kNow + 60, "198.51.100.3 out3.mail.example", "a@x.example") ==
        "passed name:mail.example");
  // Neither who has passed is known, nor the name; the triplet has passed.
  CHECK(shown(kNow + 61, "198.51.100.3 out3.mail.example", "b@x.example") == "new");
  CHECK(shown(kNow + 62, "198.51.100.4 out4.mail.example", "c@x.example") == "new");
  CHECK(shown(kNow + 63, "198.51.100.3 out3.mail.example", "a@x.example") == "known");
  CHECK(records().find("C ") == std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "who owns a name in a hoster's domain gains the same triplet's wait") {
  shown(kNow, "198.51.100.1 out1.hoster.example", "a@x.example");
  shown(kNow + 60, "198.51.100.1 out1.hoster.example", "a@x.example");
  CHECK(shown(kNow + 61, "203.0.113.9 spam.hoster.example", "s@spam.example") == "new");
  CHECK(shown(kNow + 62, "203.0.113.9 spam.hoster.example", "a@x.example", "v@here.example") ==
        "new");
}

TEST_CASE_FIXTURE(Fixture, "a name's triplet goes stale as any") {
  const Seconds window = greylist.policy().resend_window;
  shown(kNow, "198.51.100.1 out1.mail.example", "a@x.example");
  CHECK(shown(kNow + window, "198.51.100.2 out2.mail.example", "a@x.example") == "new");
  CHECK(shown(kNow + window + 60, "198.51.100.1 out1.mail.example", "a@x.example") ==
        "passed name:mail.example");
}

TEST_CASE_FIXTURE(Fixture, "a bounce waits with those below its name") {
  CHECK(shown(kNow, "198.51.100.1 out1.mail.example", "") == "new");
  CHECK(shown(kNow + 60, "198.51.100.2 out2.mail.example", "") == "bounce name:mail.example");
}

TEST_CASE_FIXTURE(Fixture, "who changes his name at each attempt waits as long as without one") {
  CHECK(shown(kNow, "203.0.113.9 a.one.example", "s@x.example") == "new");
  CHECK(shown(kNow + 59, "203.0.113.9 a.two.example", "s@x.example") == "early");
  CHECK(shown(kNow + 60, "203.0.113.9 a.three.example", "s@x.example") == "passed");
}

// ---- both, and neither -------------------------------------------------------------------------

TEST_CASE_FIXTURE(Fixture,
                  "the client's own triplet is stored as ever, and the earliest good counts") {
  CHECK(shown(kNow, "192.0.2.1 out1.mail.example") == "new");
  CHECK(records() ==
        "W 1700000000 192.0.2.1 a@example.com b@here.example\n"
        "W 1700000000 spf:example.com a@example.com b@here.example\n"
        "W 1700000000 name:mail.example a@example.com b@here.example\n");
  pools.networks.clear();
  CHECK(shown(kNow + 60, "192.0.2.1") == "passed");
}

TEST_CASE("a question that is asked again is told no pool that nobody knows of any more") {
  Policy policy;
  policy.min_resend = 2;  // shorter than one attempt takes: a question's answer is kept
  Fixture here(policy);
  (void)here.ask(kNow, "192.0.2.1");
  const std::string datagram =
      testing::pool_datagram("192.0.2.2", "a@example.com", "b@here.example");
  wire::Query query;
  REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
  query.question = 7;
  const Decided first = here.greylist.decide(query, Lists(), kNow + 1);
  CHECK(first.reason == Reason::early);
  CHECK(first.pool == "spf:example.com");
  here.pools.networks.clear();
  const Decided again = here.greylist.decide(query, Lists(), kNow + 1);
  CHECK(again.reason == Reason::early);
  CHECK(again.pool.empty());
}

TEST_CASE_FIXTURE(Fixture, "without pools all is as it was") {
  greylist.use_pools(nullptr);
  CHECK(shown(kNow, "192.0.2.1 out1.mail.example") == "new");
  CHECK(shown(kNow + 60, "192.0.2.2 out2.mail.example") == "new");
  CHECK(greylist.table().size() == 2);
}

TEST_CASE("greydaemon's rules know no pools") {
  Policy policy = one_minute();
  policy.personality = Personality::greydaemon;
  Fixture f(policy);
  CHECK(f.shown(kNow, "192.0.2.1 out1.mail.example") == "new");
  CHECK(f.shown(kNow + 60, "192.0.2.2 out2.mail.example") == "new");
  SavedRecord record;
  record.client = Client::of_pool(PoolKind::spf, "example.com");
  record.record_class = RecordClass::client;
  record.seen = kNow;
  CHECK_FALSE(f.greylist.restore(record, kNow));
}

TEST_CASE_FIXTURE(Fixture, "an attempt is counted once, whoever of the pool comes back") {
  shown(kNow, "192.0.2.1 out1.mail.example");
  shown(kNow + 30, "192.0.2.2 out2.mail.example");
  shown(kNow + 60, "192.0.2.3 out3.mail.example");
  CHECK(totals.first == 1);
  CHECK(totals.passed[age_class(60)] == 1);
  CHECK(totals.waited == 60);
  greylist.expire(kNow + 30 * 86400, 1000);
  CHECK(greylist.table().size() == 0);
  CHECK(totals.never == 0);
}

TEST_CASE_FIXTURE(Fixture, "an attempt of a pool of which nobody comes back is held back once") {
  shown(kNow, "192.0.2.1 out1.mail.example");
  shown(kNow + 1, "192.0.2.2 out2.mail.example");
  greylist.expire(kNow + 30 * 86400, 1000);
  CHECK(totals.first == 1);
  CHECK(totals.never == 1);
}

TEST_CASE_FIXTURE(Fixture, "pools' records come back as they were saved") {
  shown(kNow, "192.0.2.1 out1.mail.example");
  shown(kNow + 60, "192.0.2.2 out2.mail.example", "a@example.com", "b@here.example");
  const std::string saved = records();
  Greylist other(greylist.policy(), 100, HashKey{});
  RecordReader reader;
  std::string_view rest = saved;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const SavedRecord* const record = reader.read(rest.substr(0, end));
    REQUIRE(record != nullptr);
    CHECK(other.restore(*record, kNow + 60));
    rest.remove_prefix(end + 1);
  }
  std::string again;
  other.for_each([&](const SavedRecord& record) { append_record(again, record); });
  CHECK(again == saved);
}

// ---- shares ------------------------------------------------------------------------------------

TEST_CASE("a pool's record counts to the network of who has brought it, whatever becomes of it") {
  constexpr auto kTriplets = Shares::Kind::triplet;
  Table table(10'000, HashKey{3});
  KeyBuilder keys{Policy()};
  const Ip client = *Ip::parse("203.0.113.9");
  keys.envelope(client, "a@x");
  const std::string own(keys.triplet("b@y"));
  keys.envelope(Client::of_pool(PoolKind::name, "mail.example"), "a@x");
  const std::string key(keys.triplet("b@y"));
  const auto held_by = [&](const std::string& of) {
    return table.shares().held(table.shares().load_of(of, kTriplets, Shares::kNobody, 1));
  };
  const auto ref = table.insert({key, 1, RecordClass::waiting, 0}, table.hash(key), Ip(), client);
  CHECK(table.view(ref).key == key);
  CHECK(table.find(key) == ref);
  CHECK(held_by(own) == 1);
  CHECK(held_by(key) == 0);
  table.update(ref, RecordClass::passed, 2, 0);
  CHECK(held_by(own) == 1);
  table.erase(table.find(key));
  CHECK(held_by(own) == 0);
  // Of a file: nobody knows who has.
  table.insert({key, 1, RecordClass::waiting, 0});
  CHECK(held_by(own) == 0);
  CHECK(held_by(key) == 1);
  table.erase(table.find(key));
  CHECK(held_by(key) == 0);
}

TEST_CASE("pools' records of any length are found, moved and given back like any") {
  std::mt19937 random(7);
  Table table(3000, HashKey{5});
  KeyBuilder keys{Policy()};
  std::vector<std::string> made;
  for (int i = 0; i < 40'000; ++i) {
    const std::string sender(random() % 320, 'a' + char(random() % 26));
    const std::string domain = std::to_string(random()) + std::string(random() % 200, 'd') + ".x";
    if (random() % 2 == 0) {
      keys.envelope(Client::of_pool(PoolKind(random() % 2), domain), sender);
    } else {
      keys.envelope(Ip::from_v4(std::uint32_t(random())), sender);
    }
    const std::string key(keys.triplet(std::to_string(i)));
    if (table.find(key) != 0) continue;
    table.insert({key, i, RecordClass(random() % 3), 0}, table.hash(key),
                 Ip::from_v4(std::uint32_t(1 + random() % 3)),
                 Ip::from_v4(std::uint32_t(random() % 5 << 8)));
    made.push_back(key);
    if (random() % 3 == 0) {
      if (const auto ref = table.find(made[random() % made.size()])) table.erase(ref);
    }
  }
  std::size_t found = 0;
  for (const std::string& key : made) {
    const auto ref = table.find(key);
    if (ref == 0) continue;
    ++found;
    CHECK(table.view(ref).key == key);
    table.erase(ref);
  }
  CHECK(found > 100);
  CHECK(table.size() == 0);
  for (int i = 1; i <= 3; ++i) {
    CHECK(table.shares().held(Ip::from_v4(std::uint32_t(i)), Shares::Kind::triplet) == 0);
  }
}
