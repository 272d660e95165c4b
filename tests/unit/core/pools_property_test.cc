// Pools against decisions without them, on random traffic: nobody waits longer, and what passes
// earlier does so by a member's wait alone.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "greyd/core/greylist.h"
#include "greyd/state/record_text.h"
#include "tests/unit/core/pools.h"

using namespace grey;
using wire::Verdict;

namespace {

constexpr Seconds kNow = 1'700'000'000;

struct Asked {
  std::string client, name, sender, recipient;

  std::string datagram() const {
    std::string text = "I" + client + '\0' + "F" + sender + '\0' + "T" + recipient + '\0';
    if (!name.empty()) text += "N" + name + '\0';
    return text;
  }
};

Asked random_query(std::mt19937& random) {
  const auto digit = [&](int of) { return std::to_string(1 + random() % unsigned(of)); };
  Asked asked{"192.0.2." + digit(4),
              {},
              "a" + digit(2) + "@d" + digit(2) + ".example",
              "r" + digit(2) + "@here.example"};
  if (random() % 2 == 0) asked.name = "h" + digit(3) + ".n" + digit(2) + ".example";
  if (random() % 8 == 0) asked.sender.clear();
  return asked;
}

Policy random_policy(std::mt19937& random) {
  Policy policy;
  policy.min_resend = 60;
  policy.resend_window = 600;
  policy.timeout = 3000;
  policy.client_passes = unsigned(random() % 3);
  if (random() % 4 == 0) policy.sender_key = SenderKey::domain;
  if (random() % 4 == 0) policy.recipient_key = RecipientKey::none;
  return policy;
}

}  // namespace

TEST_CASE("a client that is accepted without pools is accepted with them") {
  std::mt19937 random(20);
  for (int round = 0; round < 150; ++round) {
    const Policy policy = random_policy(random);
    testing::PoolTable pools;
    Greylist with(policy, 10'000, HashKey{}), without(policy, 10'000, HashKey{});
    AttemptTotals totals;
    Attempts attempts(totals);
    with.count_attempts_in(&attempts);
    with.use_pools(&pools);
    Seconds now = kNow;
    // When anybody was first heard of about each sender and recipient.
    std::map<std::tuple<std::string, std::string>, Seconds> first;
    for (int step = 0; step < 200; ++step) {
      now += Seconds(random() % 40);
      if (random() % 10 == 0) {
        pools.networks["d" + std::to_string(1 + random() % 2) + ".example"] = {
            "192.0.2." + std::to_string(1 + random() % 4),
            "192.0.2." + std::to_string(1 + random() % 4)};
      }
      const Asked asked = random_query(random);
      const std::string datagram = asked.datagram();
      wire::Query query;
      REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
      const Decided peeked = with.peek(query, Lists(), now).decision;
      const Decided pooled = with.decide(query, Lists(), now);
      const Decided alone = without.decide(query, Lists(), now);
      CAPTURE(step);
      CHECK(peeked.reason == pooled.reason);
      CHECK(peeked.pool == pooled.pool);
      // (By a name nobody becomes known: a host that has passed so has not by itself.)
      const bool comparable = policy.client_passes == 0 && !asked.sender.empty();
      if (comparable && alone.verdict == Verdict::accept) {
        CHECK(pooled.verdict == Verdict::accept);
      }
      if (pooled.verdict == Verdict::defer) {
        REQUIRE(pooled.wait);
        CHECK(*pooled.wait <= policy.min_resend);
      }
      // A good retry is a retry, of somebody's, after min resend.
      if (pooled.reason == wire::Reason::passed && policy.recipient_key == RecipientKey::full &&
          policy.sender_key == SenderKey::full) {
        const auto found = first.find({asked.sender, asked.recipient});
        REQUIRE(found != first.end());
        CHECK(now - found->second >= policy.min_resend);
      }
      first.try_emplace({asked.sender, asked.recipient}, now);
    }
    // Each attempt has one end.
    with.expire(now + 100'000, SIZE_MAX);
    CHECK(with.table().size() == 0);
    for (const auto& [hour, counts] : attempts.hours()) {
      Count settled = counts.trusted + counts.never;
      for (const Count count : counts.passed) settled += count;
      CHECK(settled <= counts.first);
    }
  }
}

namespace {

// All that is told of a decision.
std::string told(const Decided& decided) {
  return std::to_string(int(decided.reason)) + " " + std::to_string(int(decided.verdict)) + " " +
         std::to_string(decided.wait.value_or(-1)) + " " + std::to_string(decided.age) + " " +
         std::to_string(decided.again) + " " + std::string(decided.matched ? "listed" : "") + " " +
         decided.pool + " " + std::to_string(decided.traps) + " " +
         std::to_string(decided.suspicions.none());
}

std::multiset<std::string> stored(const Greylist& greylist) {
  std::multiset<std::string> lines;
  greylist.for_each([&](const SavedRecord& record) {
    std::string line;
    append_record(line, record);
    lines.insert(line);
  });
  return lines;
}

}  // namespace

TEST_CASE("queries that come together are decided as if each had come alone") {
  std::mt19937 random(26);
  const Lists lists{*AddressList::parse("192.0.2.4\nto:r1@here.example", ""),
                    *AddressList::parse("a1@d1.example", "")};
  for (int round = 0; round < 60; ++round) {
    Policy policy = random_policy(random);
    if (random() % 3 == 0) policy.select = Select::suspect;
    testing::PoolTable pools;
    Greylist together(policy, 10'000, HashKey{}), alone(policy, 10'000, HashKey{});
    for (Greylist* each : {&together, &alone}) each->use_pools(&pools);
    Seconds now = kNow;
    for (int step = 0; step < 60; ++step) {
      now += Seconds(random() % 120);
      if (step == 20) pools.networks["d2.example"] = {"192.0.2.1", "192.0.2.2"};
      std::vector<std::string> datagrams(1 + random() % 8);
      std::vector<wire::Query> batch(datagrams.size());
      for (std::size_t i = 0; i < batch.size(); ++i) {
        Asked asked = random_query(random);
        datagrams[i] = asked.datagram();
        if (random() % 3 == 0) datagrams[i] += std::string("Tr3@here.example") + '\0';
        REQUIRE(wire::parse(datagrams[i], batch[i]) == wire::Fault::none);
        batch[i].probe = random() % 10 == 0;
      }
      std::vector<Decided> decisions(batch.size());
      together.decide(batch, lists, now, decisions);
      for (std::size_t i = 0; i < batch.size(); ++i) {
        CAPTURE(step);
        CAPTURE(i);
        CHECK(told(decisions[i]) == told(alone.decide(batch[i], lists, now)));
      }
    }
    CHECK(stored(together) == stored(alone));
  }
}
