// How long the first mail of ten large providers waits with pools and without, by the patterns in
// which they come back: the table of greyd/POOLS.md.
//
// Patterns: Pagani, De Astis, Graziano, Lanzi, Balzarotti, "Measuring the Role of Greylisting and
// Nolisting in Fighting Spam" (DSN 2016): attempts, addresses used, times of the first retries.
// Later times are not published: each gap is taken as twice the one before, 4 hours at most. Nor is
// the order of addresses: each attempt is taken to come from the next of them, which is the worst.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "greyd/core/greylist.h"
#include "greyd/pools/pool_keeper.h"

using namespace grey;

namespace {

constexpr Seconds kNow = 1'700'000'000;
constexpr Seconds at(Seconds minutes, Seconds seconds) {
  return 60 * minutes + seconds;
}

struct Provider {
  std::string name;
  std::size_t attempts, addresses;
  std::vector<Seconds> retries;  // after the first attempt, as far as published
  std::optional<Seconds> last;   // when it gives up
};
const std::vector<Provider> kProviders = {
    {"gmail.com", 9, 7, {at(6, 2), at(29, 2)}, {}},
    {"yahoo.com", 9, 1, {at(2, 7), at(5, 39)}, {}},
    {"hotmail.com", 94, 1, {at(1, 1), at(2, 3), at(3, 4), at(5, 6)}, {}},
    {"qq.com", 12, 2, {at(5, 5)}, {}},
    {"mail.ru", 13, 7, {at(1, 18), at(19, 15)}, {}},
    {"yandex.com", 28, 1, {at(1, 5), at(2, 58), at(6, 53)}, {}},
    {"mail.com", 10, 2, {at(5, 2)}, {}},
    {"gmx.com", 10, 3, {at(5, 1)}, {}},
    {"aol.com", 5, 1, {at(5, 32)}, at(31, 32)},
    {"india.com", 10, 1, {at(6, 21)}, {}},
};

std::vector<Seconds> attempts_of(const Provider& provider) {
  std::vector<Seconds> times = {0};
  times.insert(times.end(), provider.retries.begin(), provider.retries.end());
  while (times.size() < provider.attempts) {
    const Seconds gap = times.back() - times[times.size() - 2];
    const Seconds next = times.back() + std::min<Seconds>(2 * gap, 4 * 3600);
    if (provider.last && next > *provider.last) break;
    times.push_back(next);
  }
  return times;
}

struct NoDns : SenderNetworks {
  const NetworkSet* find(std::string_view domain, Seconds) const override {
    return domain == known ? &networks : nullptr;
  }
  // It takes no longer than until the next attempt.
  void want(std::string_view domain, Seconds, const Ip&) override {
    known = domain;
    learned(domain, networks);
  }
  void tell_learned(Learned tell) override { learned = std::move(tell); }
  std::string known;
  NetworkSet networks = parse_networks("192.0.2.0/24").value();
  Learned learned;
};

// How long the mail waits; nothing: it is never accepted.
std::optional<Seconds> delay(const Provider& provider, Seconds min_resend, PoolUse use) {
  Policy policy;
  policy.min_resend = min_resend;
  policy.resend_window = 24 * 3600;
  policy.pools = use;
  Greylist greylist(policy, 1000, HashKey{});
  std::optional<NameParents> parents;
  if (use_pools_by_name(policy)) parents.emplace();
  PoolCounters counters;
  NoDns networks;
  PoolKeeper keeper(policy, std::move(parents), &networks, counters,
                    [&](const SavedRecord& waiting, const Client& pool, Seconds now, const Ip& by) {
                      greylist.wait_in_pool(waiting, pool, now, by);
                    });
  greylist.use_pools(&keeper);
  std::size_t attempt = 0;
  for (const Seconds time : attempts_of(provider)) {
    const std::string host = std::to_string(1 + attempt++ % provider.addresses);
    std::string datagram = "I192.0.2." + host + '\0' + "Fa@" + provider.name + '\0';
    datagram += std::string("Tb@here.example") + '\0' + "Nout" + host + ".mail." + provider.name;
    datagram += '\0';
    wire::Query query;
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    const Decided decided = greylist.decide(query, Lists(), kNow + time);
    keeper.decided(query, decided, kNow + time);
    if (decided.verdict == wire::Verdict::accept) return time;
  }
  return std::nullopt;
}

std::string shown(std::optional<Seconds> time) {
  if (!time) return "never";
  char text[32];
  if (*time >= 3600) {
    std::snprintf(text, sizeof text, "%d:%02d:%02d", int(*time / 3600), int(*time / 60 % 60),
                  int(*time % 60));
  } else {
    std::snprintf(text, sizeof text, "%d:%02d", int(*time / 60), int(*time % 60));
  }
  return text;
}

std::string table() {
  std::string text =
      "| provider | attempts | addresses | 1 minute: without | with pools | 5 minutes: without | "
      "with pools |\n|---|--:|--:|--:|--:|--:|--:|\n";
  for (const Provider& provider : kProviders) {
    text += "| " + provider.name + " | " + std::to_string(provider.attempts) + " | " +
            std::to_string(provider.addresses);
    for (const Seconds min_resend : {60, 300}) {
      text += " | " + shown(delay(provider, min_resend, PoolUse::off)) + " | " +
              shown(delay(provider, min_resend, PoolUse::on));
    }
    text += " |\n";
  }
  return text;
}

}  // namespace

TEST_CASE("with pools no provider waits longer than until its own first retry after min resend") {
  for (const Provider& provider : kProviders) {
    for (const Seconds min_resend : {60, 300}) {
      CAPTURE(provider.name);
      const std::vector<Seconds> times = attempts_of(provider);
      const Seconds own = *std::lower_bound(times.begin(), times.end(), min_resend);
      CHECK(delay(provider, min_resend, PoolUse::on) == own);
      CHECK(delay(provider, min_resend, PoolUse::spf) == own);
      CHECK(delay(provider, min_resend, PoolUse::name) == own);
      const auto without = delay(provider, min_resend, PoolUse::off);
      CHECK((!without || *without >= own));
    }
  }
}

TEST_CASE("the table of POOLS.md is what the program does") {
  std::ifstream file(TEST_DATA "/../greyd/POOLS.md");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::string made = table();
  if (text.find(made) == std::string::npos) MESSAGE(made);
  CHECK(text.find(made) != std::string::npos);
}
