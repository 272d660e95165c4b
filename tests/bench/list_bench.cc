// What a long whitelist costs: time per lookup and per decision, and memory, for 100 and for
// 1,000,000 random prefixes (IPv4 /16 to /32, IPv6 /32 to /128), in one run, alternating.
// usage: list_bench
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "greyd/core/greylist.h"

using namespace grey;

namespace {

constexpr int kRounds = 7;
constexpr std::size_t kBatch = 64;
constexpr std::size_t kQueries = 3200 * kBatch;

Ip random_ip(std::mt19937& random, bool v4) {
  if (v4) return Ip::from_v4(std::uint32_t(random()));
  std::array<std::uint8_t, 16> bytes{0x20, 0x01};
  for (std::size_t i = 2; i < 16; ++i) bytes[i] = std::uint8_t(random());
  return Ip(bytes);
}

AddressList make_list(std::size_t prefixes, bool v4) {
  std::mt19937 random(42);
  std::string text;
  for (std::size_t i = 0; i < prefixes; ++i) {
    // Long prefixes, as lists of that length have; short ones would join to a few ranges.
    const unsigned bits = v4 ? 24 + unsigned(random() % 9) : 48 + unsigned(random() % 81);
    const Ip ip = random_ip(random, v4).network(v4 ? Ip::kV4Bits + bits : bits);
    text += to_string(ip) + "/" + std::to_string(bits) + "\n";
  }
  return std::move(*AddressList::parse(text, "bench"));
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

template <typename Work>
double nanoseconds_each(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  const auto end = std::chrono::steady_clock::now();
  return std::chrono::duration<double, std::nano>(end - start).count() / double(kQueries);
}

void compare(bool v4) {
  Lists small{make_list(100, v4), {}};
  Lists large{make_list(1'000'000, v4), {}};
  std::mt19937 random(7);
  std::vector<std::string> datagrams;
  std::vector<wire::Query> queries(kQueries);
  for (std::size_t i = 0; i < kQueries; ++i) {
    datagrams.push_back("I" + to_string(random_ip(random, v4)) + '\0' + "Fsender@example.org" +
                        '\0' + "Trecipient@example.net" + '\0');
  }
  for (std::size_t i = 0; i < kQueries; ++i) {
    if (wire::parse(datagrams[i], queries[i]) != wire::Fault::none) std::abort();
  }
  Greylist greylist(Policy{}, 2 * kQueries, HashKey{});
  std::vector<double> lookups[2], decisions[2];
  std::vector<Decided> decided(kBatch);
  std::size_t hits = 0;
  for (int round = 0; round < kRounds; ++round) {
    for (int which = 0; which < 2; ++which) {
      const Lists& lists = which == 0 ? small : large;
      lookups[which].push_back(nanoseconds_each([&] {
        for (const wire::Query& query : queries)
          hits += lists.whitelist.has_client(query.client.ip);
      }));
      decisions[which].push_back(nanoseconds_each([&] {
        // In batches, as the server does.
        for (std::size_t at = 0; at < kQueries; at += kBatch) {
          greylist.decide({&queries[at], kBatch}, lists, 1'700'000'000, decided);
          hits += decided[0].reason == wire::Reason::whitelisted;
        }
      }));
    }
  }
  const double bytes = double(large.whitelist.memory()) / 1e6;
  std::printf(
      "%s  lookup %6.1f -> %6.1f ns   decision %6.1f -> %6.1f ns, ratio %.2f   %4.1f "
      "bytes/prefix\n",
      v4 ? "IPv4" : "IPv6", median(lookups[0]), median(lookups[1]), median(decisions[0]),
      median(decisions[1]), median(decisions[1]) / median(decisions[0]), bytes);
  if (hits == 12345) std::puts("");  // the work must not be optimised away
}

}  // namespace

int main() {
  std::printf("a whitelist of 100 -> 1,000,000 prefixes; medians of %d runs\n", kRounds);
  compare(true);
  compare(false);
}
