// Pools by SPF from what is looked up late: what waits until then, and how little whoever lies
// gains.
#include "greyd/pools/pool_keeper.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "greyd/core/greylist.h"

using namespace grey;

namespace {

constexpr Seconds kNow = 1'700'000'000;

// A table in place of the DNS: what is in it is known only when a look-up has ended.
struct NetworkTable : SenderNetworks {
  const NetworkSet* find(std::string_view domain, Seconds) const override {
    const auto found = known.find(std::string(domain));
    return found == known.end() ? nullptr : &found->second;
  }
  void want(std::string_view domain, Seconds, const Ip& by) override {
    wanted.emplace_back(domain);
    wanted_by = by;
  }
  void tell_learned(Learned tell) override { learned = std::move(tell); }

  // The look-up ends.
  void answer(const std::string& domain, std::string_view networks) {
    auto set = networks.empty() ? NetworkSet() : parse_networks(networks).value();
    set.build();
    known[domain] = std::move(set);
    if (learned) learned(domain, known[domain]);
  }

  std::map<std::string, NetworkSet> known;
  std::vector<std::string> wanted;
  Ip wanted_by;  // the last
  Learned learned;
};

Policy one_minute() {
  Policy policy;
  policy.min_resend = 60;
  policy.pools = PoolUse::on;
  return policy;
}

struct Fixture {
  explicit Fixture(const Policy& of = one_minute(), std::size_t most = 100'000)
      : policy(of), greylist(of, most, HashKey{}) {
    std::optional<NameParents> parents;
    if (use_pools_by_name(policy) || policy.replies > 0) parents.emplace();
    keeper = std::make_unique<PoolKeeper>(
        policy, std::move(parents), &networks, counters,
        [this](const SavedRecord& waiting, const Client& pool, Seconds now, const Ip& asker) {
          greylist.wait_in_pool(waiting, pool, now, asker);
        });
    greylist.use_pools(&*keeper);
  }

  Decided decide(Seconds now, std::string_view client, std::string_view sender,
                 std::string_view recipient = "b@here.example", std::string_view name = "") {
    std::string datagram = "I" + std::string(client) + '\0' + "F" + std::string(sender) + '\0';
    datagram += "T" + std::string(recipient) + '\0';
    if (!name.empty()) datagram += "N" + std::string(name) + '\0';
    wire::Query query;
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    const Decided decided = greylist.decide(query, Lists(), now);
    keeper->decided(query, decided, now);
    return decided;
  }
  std::string ask(Seconds now, std::string_view client, std::string_view sender,
                  std::string_view recipient = "b@here.example", std::string_view name = "") {
    const Decided decided = decide(now, client, sender, recipient, name);
    std::string text(to_string(decided.reason));
    return decided.pool.empty() ? text : text + " " + decided.pool;
  }

  const Policy policy;
  PoolCounters counters;
  NetworkTable networks;
  Greylist greylist;
  std::unique_ptr<PoolKeeper> keeper;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture,
                  "after a first deferral the domain's networks are asked for, and joined") {
  CHECK(ask(kNow, "192.0.2.1", "A@Example.COM") == "new");
  CHECK(networks.wanted == std::vector<std::string>{"example.com"});
  CHECK(to_string(networks.wanted_by) == "192.0.2.0");
  CHECK(keeper->waiting() == 1);
  networks.answer("example.com", "192.0.2.0/24");
  CHECK(keeper->waiting() == 0);
  CHECK(counters.joined == 1);
  CHECK(ask(kNow + 60, "192.0.2.77", "A@Example.COM") == "passed spf:example.com");
  CHECK(ask(kNow + 61, "192.0.2.9", "other@example.com") == "known spf:example.com");
  CHECK(ask(kNow + 62, "64:ff9b::192.0.2.10", "other@example.com") == "known spf:example.com");
  CHECK(counters.passed == 3);
}

TEST_CASE_FIXTURE(Fixture, "without an answer of the DNS all is as without pools") {
  CHECK(ask(kNow, "192.0.2.1", "a@example.com") == "new");
  CHECK(ask(kNow + 60, "192.0.2.2", "a@example.com") == "new");
  CHECK(ask(kNow + 61, "192.0.2.1", "a@example.com") == "passed");
  CHECK(ask(kNow + 62, "192.0.2.3", "b@example.com") == "new");
  // What has not ended in time is given up, and what was asked for is asked for again.
  CHECK(ask(kNow + 3 * PoolKeeper::kLife, "192.0.2.5", "c@other.example") == "new");
  CHECK(keeper->waiting() == 1);
  CHECK(counters.unlearned == 3);
}

TEST_CASE_FIXTURE(Fixture, "who is known, or has no domain, asks nobody") {
  CHECK(ask(kNow, "192.0.2.1", "a@example.com") == "new");
  CHECK(ask(kNow + 60, "192.0.2.1", "a@example.com") == "passed");
  networks.wanted.clear();
  CHECK(ask(kNow + 61, "192.0.2.1", "b@other.example") == "known");
  CHECK(networks.wanted.empty());
  ask(kNow + 62, "192.0.2.7", "");
  ask(kNow + 62, "192.0.2.7", "nobody");
  ask(kNow + 62, "192.0.2.7", "a@[192.0.2.7]");
  ask(kNow + 62, "192.0.2.7", "a@localhost");
  ask(kNow + 62, "192.0.2.7", "a@x y.example");
  ask(kNow + 62, "192.0.2.7", "a@b\x80.example");
  ask(kNow + 62, "192.0.2.7", "a@" + std::string(300, 'x') + ".example");
  CHECK(networks.wanted.empty());
  CHECK(keeper->waiting() == 1);
}

TEST_CASE_FIXTURE(Fixture, "networks that are used are asked for again, so that they stay known") {
  ask(kNow, "192.0.2.1", "a@example.com");
  networks.answer("example.com", "192.0.2.0/24");
  ask(kNow + 60, "192.0.2.2", "a@example.com");
  networks.wanted.clear();
  CHECK(ask(kNow + 61, "192.0.2.3", "a@example.com") == "known spf:example.com");
  CHECK(networks.wanted == std::vector<std::string>{"example.com"});
  ask(kNow + 62, "203.0.113.1", "a@example.com");
  CHECK(networks.wanted.size() == 2);
  CHECK(keeper->waiting() == 0);
}

TEST_CASE("each kind of pool can be had alone, or none") {
  for (const PoolUse use : {PoolUse::on, PoolUse::name, PoolUse::spf, PoolUse::off}) {
    Policy policy = one_minute();
    policy.pools = use;
    Fixture f(policy);
    f.networks.answer("example.com", "192.0.2.0/24");
    f.ask(kNow, "192.0.2.1", "a@example.com");
    const std::string by_spf = f.ask(kNow + 60, "192.0.2.2", "a@example.com");
    CHECK((by_spf == "passed spf:example.com") == (use == PoolUse::on || use == PoolUse::spf));
    f.ask(kNow, "203.0.113.1", "a@x.example", "b@here.example", "out1.mail.example");
    const std::string by_name =
        f.ask(kNow + 60, "203.0.113.2", "a@x.example", "b@here.example", "out2.mail.example");
    CHECK((by_name == "passed name:mail.example") == (use == PoolUse::on || use == PoolUse::name));
  }
}

TEST_CASE("where a triplet names no message there are no pools by name") {
  Policy policy = one_minute();
  policy.sender_key = SenderKey::none;
  policy.recipient_key = RecipientKey::none;
  CHECK_FALSE(use_pools_by_name(policy));
  Fixture f;
  f.ask(kNow, "203.0.113.1", "*", "*", "out1.mail.example");
  CHECK(f.ask(kNow + 60, "203.0.113.2", "*", "*", "out2.mail.example") == "new");
}

// ---- who lies ----------------------------------------------------------------------------------

TEST_CASE_FIXTURE(Fixture,
                  "a spammer at the victim's provider has a pool of his own domain alone") {
  networks.answer("victim.example", "192.0.2.0/24");
  networks.answer("spammer.example", "192.0.2.0/24");
  ask(kNow, "192.0.2.1", "a@victim.example");
  CHECK(ask(kNow + 60, "192.0.2.2", "a@victim.example") == "passed spf:victim.example");
  // From the same provider, of his own domain: he waits as ever.
  CHECK(ask(kNow + 61, "192.0.2.3", "s@spammer.example") == "new");
  CHECK(ask(kNow + 120, "192.0.2.4", "s@spammer.example") == "early spf:spammer.example");
}

TEST_CASE_FIXTURE(Fixture, "a forged sender gains nothing outside the domain's networks") {
  networks.answer("victim.example", "192.0.2.0/24");
  ask(kNow, "192.0.2.1", "a@victim.example");
  ask(kNow + 60, "192.0.2.2", "a@victim.example");
  CHECK(ask(kNow + 61, "203.0.113.66", "a@victim.example") == "new");
  CHECK(ask(kNow + 61, "203.0.113.66", "c@victim.example") == "new");
  // Nor before the pool is known from within, but for the same triplet's wait.
  networks.answer("other.example", "192.0.2.0/24");
  CHECK(ask(kNow + 62, "203.0.113.66", "a@other.example") == "new");
  CHECK(ask(kNow + 200, "192.0.2.200", "a@other.example") == "new");
}

TEST_CASE_FIXTURE(Fixture, "networks that change between attempts are those of now") {
  networks.answer("fickle.example", "203.0.113.1");
  CHECK(ask(kNow, "203.0.113.1", "a@fickle.example") == "new");
  networks.answer("fickle.example", "203.0.113.2");
  // It names another now: which inherits the same triplet's wait, and no more.
  CHECK(ask(kNow + 59, "203.0.113.2", "a@fickle.example") == "early spf:fickle.example");
  CHECK(ask(kNow + 60, "203.0.113.3", "a@fickle.example") == "new");
  CHECK(ask(kNow + 61, "203.0.113.2", "a@fickle.example") == "passed spf:fickle.example");
  networks.answer("fickle.example", "");  // none at all
  CHECK(ask(kNow + 62, "203.0.113.4", "b@fickle.example") == "new");
}

TEST_CASE_FIXTURE(Fixture, "what one client has waiting for domains that he makes up is bounded") {
  for (int i = 0; i < 5000; ++i) {
    ask(kNow, "203.0.113." + std::to_string(i % 250), "s@d" + std::to_string(i) + ".example");
  }
  CHECK(keeper->waiting() == PoolKeeper::kMostOfNetwork);
  CHECK(counters.dropped == 5000 - PoolKeeper::kMostOfNetwork);
  CHECK(networks.wanted.size() == PoolKeeper::kMostOfNetwork);  // nor is more asked of the DNS
  // Nobody else is kept from his pool.
  ask(kNow, "192.0.2.1", "a@example.com");
  networks.answer("example.com", "192.0.2.0/24");
  CHECK(ask(kNow + 60, "192.0.2.2", "a@example.com") == "passed spf:example.com");
  CHECK(keeper->waiting() == PoolKeeper::kMostOfNetwork);
}

TEST_CASE_FIXTURE(Fixture, "what waits for one domain, or in all, is bounded") {
  for (int i = 0; i < 1000; ++i) {
    ask(kNow, "198." + std::to_string(i % 250) + "." + std::to_string(i / 250) + ".1",
        "s@big.example");
  }
  CHECK(keeper->waiting() == PoolKeeper::kMostOfDomain);
  for (int i = 0; i < 10'000; ++i) {
    ask(kNow,
        std::to_string(1 + i / 2500) + "." + std::to_string(i % 250) + "." +
            std::to_string(i / 250 % 10) + ".1",
        "s@d" + std::to_string(i) + ".example");
  }
  CHECK(keeper->waiting() == PoolKeeper::kMostWaiting);
}

TEST_CASE("hostile names leave no record of a pool, and make no room for one") {
  Fixture f;
  for (const std::string& name :
       {std::string(300, 'a'), std::string(10'000, '.'), std::string("a.b\x01.example"),
        std::string("spf:example.com"), std::string("%s.%n.example.com"),
        std::string("\xff\xfe.mail.example"), std::string("a/../b.mail.example")}) {
    f.ask(kNow, "203.0.113.1", "a@x.example", "b@here.example", name);
  }
  CHECK(f.greylist.table().size() == 1);
}

TEST_CASE("names that a client makes up take room of its network's share alone") {
  constexpr std::size_t kMost = 64 * 64;  // so that a share is 64 units
  Fixture f(one_minute(), kMost);
  for (int i = 0; i < 3000; ++i) {
    f.ask(kNow, "203.0.113.1", "s" + std::to_string(i) + "@x.example", "b@here.example",
          "a.b" + std::to_string(i) + ".example");
  }
  // Half of what he brought is his own triplets: over a share of 64 all goes first.
  CHECK(f.greylist.table().over_share() + 64 == f.greylist.table().size());
  f.ask(kNow, "192.0.2.1", "a@x.example", "b@here.example", "out1.mail.example");
  for (int i = 3000; i < 9000; ++i) {
    f.ask(kNow, "203.0.113.1", "s" + std::to_string(i) + "@x.example", "b@here.example",
          "a.b" + std::to_string(i) + ".example");
  }
  CHECK(f.ask(kNow + 60, "192.0.2.2", "a@x.example", "b@here.example", "out2.mail.example") ==
        "passed name:mail.example");
}

// ---- replies -----------------------------------------------------------------------------------

namespace {

Policy with_replies(PoolUse pools) {
  Policy policy = one_minute();
  policy.pools = pools;
  policy.replies = 30 * 86400;
  return policy;
}

}  // namespace

TEST_CASE("an early retry is a reply when its domain's networks have become known") {
  Fixture fixture(with_replies(PoolUse::on));
  REQUIRE(fixture.greylist.sent("b@here.example", "a@there.example", kNow, kNow));
  CHECK(fixture.ask(kNow, "192.0.2.1", "a@there.example") == "new");
  CHECK(fixture.networks.wanted == std::vector<std::string>{"there.example"});
  fixture.networks.answer("there.example", "192.0.2.0/28");
  CHECK(fixture.ask(kNow + 1, "192.0.2.1", "a@there.example") == "reply");
  CHECK(fixture.ask(kNow + 1, "192.0.2.2", "a@there.example") == "reply");  // another of theirs
  CHECK(fixture.ask(kNow + 1, "198.51.100.7", "a@there.example") == "new");
  CHECK(fixture.networks.wanted.size() > 1);  // used: asked for again before they are known no more
}

TEST_CASE("where something is sent its networks are asked for at once") {
  Fixture fixture(with_replies(PoolUse::on));
  fixture.keeper->sent("A@There.example", kNow);
  fixture.keeper->sent("nobody", kNow);
  CHECK(fixture.networks.wanted == std::vector<std::string>{"there.example"});
  CHECK(fixture.networks.wanted_by == Ip());
}

TEST_CASE("a verified name says for which domains a client may send") {
  const struct {
    std::string_view client, name, sender;
    bool may;
  } rows[] = {
      {"192.0.2.1", "mx.there.example", "a@there.example", true},
      {"192.0.2.1", "MX.There.Example.", "a@there.example", true},
      {"192.0.2.1", "there.example", "a@there.example", true},
      {"192.0.2.1", "mx.out.there.example", "a@there.example", true},
      {"192.0.2.1", "mx.there.example", "a@news.there.example", true},  // one registrable domain
      {"192.0.2.1", "mx.there.co.uk", "a@lists.there.co.uk", true},
      {"192.0.2.1", "", "a@there.example", false},
      {"192.0.2.1", "mx.elsewhere.example", "a@there.example", false},
      {"192.0.2.1", "mx.notthere.example", "a@there.example", false},
      {"192.0.2.1", "mx.other.co.uk", "a@there.co.uk", false},
      {"192.0.2.1", "mx.other.co.uk", "a@co.uk", false},  // below it anybody is
      {"192.0.2.1", "192-0-2-1.there.example", "a@there.example", false},
      {"192.0.2.1", "host1.2.0.192.there.example", "a@there.example", false},
      {"192.0.2.1", "mx.there.example", "", false},
      {"192.0.2.1", "mx.there.example", "a@localhost", false},
  };
  for (const PoolUse pools : {PoolUse::off, PoolUse::on}) {
    Fixture fixture(with_replies(pools));
    for (const auto& row : rows) {
      CAPTURE(row.name);
      CAPTURE(row.sender);
      const std::string datagram = "I" + std::string(row.client) + '\0' + "F" +
                                   std::string(row.sender) + '\0' + "Tb@here.example" + '\0' +
                                   (row.name.empty() ? "" : "N" + std::string(row.name) + '\0');
      wire::Query query;
      REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
      CHECK(fixture.keeper->is_host_of_sender(query) == row.may);
    }
  }
}

TEST_CASE("without pools a reply is known by its client's name alone, and there are none by name") {
  Fixture fixture(with_replies(PoolUse::off));
  REQUIRE(fixture.greylist.sent("b@here.example", "a@there.example", kNow, kNow));
  fixture.networks.answer("there.example", "192.0.2.1");
  CHECK(fixture.ask(kNow, "192.0.2.1", "a@there.example") == "new");
  CHECK(fixture.ask(kNow, "192.0.2.1", "a@there.example", "b@here.example", "mx.there.example") ==
        "reply");
  CHECK(fixture.ask(kNow, "192.0.2.1", "c@there.example", "b@here.example", "mx.there.example") ==
        "new");
  CHECK(fixture.ask(kNow + 60, "192.0.2.9", "c@there.example", "b@here.example",
                    "my.there.example") == "new");  // no pool
}
