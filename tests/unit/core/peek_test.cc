// Looking without touching: peek() against decide(), on random traffic.
#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "greyd/core/greylist.h"
#include "greyd/state/record_text.h"

using namespace grey;

namespace {

constexpr Seconds kNow = 1'700'000'000;

struct Counted : Changes {
  void note(const SavedRecord&) noexcept override { ++count; }
  std::size_t count = 0;
};

// All that a decision could change: each record in its place, what is noted, and what is counted.
std::string state_of(const Greylist& greylist, const Counted& changes) {
  std::string state;
  greylist.for_each([&](const SavedRecord& record) { append_record(state, record); });
  const Table& table = greylist.table();
  for (RecordOrder order = 0; order < kOrders; ++order) {
    state += std::to_string(table.disorders(order)) + " ";
  }
  return state + std::to_string(table.evictions()) + " " + std::to_string(table.memory()) + " " +
         std::to_string(changes.count);
}

std::string shown(const Decided& decided) {
  std::string text(to_string(decided.reason));
  text.append(" ").append(to_string(decided.verdict));
  text += " age=" + std::to_string(decided.age) +
          " wait=" + (decided.wait ? std::to_string(*decided.wait) : "none") +
          (decided.again ? " again" : "") + (decided.dry_run ? " dry" : "");
  text += " rule=" + std::to_string(decided.rule.line);
  return text + (decided.matched ? " listed" : "");
}

template <typename Choice>
Choice pick(std::mt19937& random, std::initializer_list<Choice> choices) {
  return choices.begin()[random() % choices.size()];
}

Policy random_policy(std::mt19937& random) {
  Policy policy;
  policy.min_resend = pick<Seconds>(random, {0, 10, 60});
  policy.resend_window = pick<Seconds>(random, {61, 200, 500});
  policy.timeout = pick<Seconds>(random, {100, 1000, 50'000});
  policy.client_passes = pick(random, {0u, 1u, 2u, 3u});
  policy.recipients = pick(random, {RecipientRule::any, RecipientRule::all});
  policy.sender_key = pick(random, {SenderKey::full, SenderKey::none});
  policy.dry_run = random() % 4 == 0;
  if (random() % 4 == 0) {
    policy.personality = Personality::greydaemon;
    policy.recipients = RecipientRule::all;
    policy.ipv6_prefix = 128;
  }
  return policy;
}

std::string random_datagram(std::mt19937& random) {
  std::string datagram = "I192.0.2." + std::to_string(1 + random() % 4) + '\0' + "F" +
                         pick<std::string>(random, {"", "a@x.org", "b@x.org"}) + '\0';
  for (std::size_t n = 1 + random() % 3; n > 0; --n) {
    datagram += "T" + pick<std::string>(random, {"r@z.net", "s@z.net", "R@z.net", "l-o=u@z.net"});
    datagram += '\0';
  }
  if (random() % 8 == 0) datagram += std::string("P") + '\0';
  return datagram;
}

}  // namespace

TEST_CASE("what is peeked at is decided so next, and the look has changed nothing") {
  Lists lists{*AddressList::parse("192.0.2.4\nto:s@z.net", ""), *AddressList::parse("b@x.org", "")};
  Lists with_rules;
  for (unsigned seed = 1; seed <= 400; ++seed) {
    std::mt19937 random(seed);
    Counted changes;
    const Policy policy = random_policy(random);
    const bool passes = policy.personality == Personality::qmail_greyd;
    lists.rules = *RuleList::parse("a@x.org to:r@z.net min-resend 9s\n", "", rule_limits(policy));
    with_rules.rules = *RuleList::parse(std::string("192.0.2.2 to:r@z.net off\nto:s@z.net ") +
                                            (passes ? "passes 2" : "min-resend 20s") +
                                            "\nto:r@z.net min-resend 1s\n",
                                        "", rule_limits(policy));
    Greylist greylist(policy, 1000, HashKey{});
    greylist.note_changes_in(&changes);
    Seconds now = kNow;
    for (int step = 0; step < 40; ++step) {
      now += pick<Seconds>(random, {0, 1, 10, 59, 60, 61, 200, 499, 500, 1000, 6 * 3600, -30});
      greylist.set_expiry(random() % 8 == 0 ? Expiry::suspended : Expiry::usual);
      const std::string datagram = random_datagram(random);
      wire::Query query;
      REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
      query.message = pick<std::uint64_t>(random, {0, 0, 1, 2, 3});
      query.question = pick<std::uint64_t>(random, {0, 11, 12, 13, 14, 15});
      const Lists none;
      const Lists& in_force = *pick<const Lists*>(random, {&lists, &with_rules, &none});

      const std::string before = state_of(greylist, changes);
      const std::string first = shown(greylist.peek(query, in_force, now).decision);
      const std::string second = shown(greylist.peek(query, in_force, now).decision);
      CHECK(state_of(greylist, changes) == before);
      CHECK(second == first);
      const std::string decided = shown(greylist.decide(query, in_force, now));
      REQUIRE_MESSAGE(decided == first, "seed " << seed << ", step " << step);
    }
  }
}

TEST_CASE("a look tells what is stored of the client and of each triplet") {
  Greylist greylist({}, 1000, HashKey{});
  const auto query = [](const std::string& datagram) {
    wire::Query parsed;
    REQUIRE(wire::parse(datagram, parsed) == wire::Fault::none);
    return parsed;
  };
  const std::string one = std::string("I192.0.2.1") + '\0' + "Fa@x.org" + '\0' + "Tb@y.net" + '\0';
  const std::string both = one + "Tc@y.net" + '\0';
  greylist.decide(query(one), Lists{}, kNow);

  auto seen = greylist.peek(query(both), Lists{}, kNow + 60);
  CHECK(seen.decision.reason == wire::Reason::early);
  CHECK(seen.decision.wait == 240);
  CHECK(!seen.client);
  REQUIRE(seen.triplets.size() == 2);
  CHECK(seen.triplets[0] == RecordState{RecordClass::waiting, kNow, 0});
  CHECK(!seen.triplets[1]);

  greylist.decide(query(one), Lists{}, kNow + 300);
  seen = greylist.peek(query(one), Lists{}, kNow + 301);
  CHECK(seen.decision.reason == wire::Reason::known);
  CHECK(seen.client == RecordState{RecordClass::client, kNow + 300, 1});
  CHECK(seen.triplets[0] == RecordState{RecordClass::passed, kNow + 300, 0});
}

TEST_CASE("many recipients with the longest addresses can be looked at, and are decided so") {
  Policy policy;
  policy.recipients = RecipientRule::all;
  Greylist greylist(policy, 100'000, HashKey{});
  std::string datagram = std::string("I192.0.2.1") + '\0' + "F" + std::string(320, 's') + '\0';
  for (int i = 0; i < 150; ++i) {
    datagram += "T" + std::to_string(i) + std::string(310, 'r') + '\0';
  }
  wire::Query query;
  REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
  greylist.decide(query, Lists{}, kNow);
  CHECK(greylist.peek(query, Lists{}, kNow + 300).decision.reason == wire::Reason::passed);
  CHECK(greylist.decide(query, Lists{}, kNow + 300).reason == wire::Reason::passed);
}
