// What rules cost: time per decision without any, with 10 and with 10,000 of the same mixture, in
// one run, alternating; and the memory of the many.
// usage: rule_bench
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "greyd/core/greylist.h"

using namespace grey;

namespace {

constexpr int kRounds = 15;
constexpr std::size_t kBatch = 64;
constexpr std::size_t kQueries = 1600 * kBatch;
constexpr std::size_t kNames = 20'000;  // so many domains there are

std::string domain(std::size_t n) {
  return "mail" + std::to_string(n % kNames) + ".example";
}
std::string v4(std::size_t n) {
  return std::to_string(1 + n % 200) + "." + std::to_string(n / 200 % 250) + "." +
         std::to_string(n * 7 % 250);
}

// The same mixture in each ten.
RuleList make_rules(std::size_t count) {
  std::string text;
  for (std::size_t n = 0; n < count; ++n) {
    const std::string at = "@" + domain(n), number = std::to_string(n);
    switch (n % 10) {
      case 0:
        text += "to:" + at + " off\n";
        break;
      case 1:
        text += "to:user" + number + at + " min-resend 1m\n";
        break;
      case 2:
        text += v4(n) + ".0/24 min-resend 2m\n";
        break;
      case 3:
        text += v4(n) + ".9 passes 2\n";
        break;
      case 4:
        text += "." + domain(n) + " window 1d\n";
        break;
      case 5:
        text += at + " min-resend 3m\n";
        break;
      case 6:
        text += "user" + number + at + " to:" + at + " off\n";
        break;
      case 7:
        text += v4(n) + ".0/24 to:" + at + " off\n";
        break;
      case 8:
        text += "to:@." + domain(n) + " off\n";
        break;
      default:
        text += "2001:db8:" + number + "::/48 off\n";
    }
  }
  auto rules = RuleList::parse(text, "bench", rule_limits(Policy{}));
  if (!rules) {
    std::printf("%s\n", rules.error().text.c_str());
    std::abort();
  }
  return std::move(*rules);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main() {
  std::mt19937 random(7);
  std::vector<std::string> datagrams;
  std::vector<wire::Query> queries(kQueries);
  for (std::size_t i = 0; i < kQueries; ++i) {
    const std::string from = domain(random()), to = domain(random());
    datagrams.push_back("I" + v4(random()) + ".9" + '\0' + "Fsender" + std::to_string(i) + "@" +
                        from + '\0' + "Tuser" + std::to_string(random() % kNames) + "@" + to +
                        '\0' + "Nmx." + from + '\0');
  }
  for (std::size_t i = 0; i < kQueries; ++i) {
    if (wire::parse(datagrams[i], queries[i]) != wire::Fault::none) std::abort();
  }
  const std::size_t counts[] = {0, 10, 10'000};
  std::vector<Lists> lists(std::size(counts));
  std::vector<std::vector<double>> times(std::size(counts));
  for (std::size_t i = 0; i < lists.size(); ++i) lists[i].rules = make_rules(counts[i]);
  std::vector<Decided> decided(kBatch);
  std::size_t ruled = 0;
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < lists.size(); ++i) {
      // A table for each, so that all store what the others store.
      Greylist greylist(Policy{}, 2 * kQueries, HashKey{});
      const auto start = std::chrono::steady_clock::now();
      for (std::size_t at = 0; at < kQueries; at += kBatch) {
        greylist.decide({&queries[at], kBatch}, lists[i], 1'700'000'000, decided);
        ruled += bool(decided[0].rule);
      }
      const auto end = std::chrono::steady_clock::now();
      times[i].push_back(std::chrono::duration<double, std::nano>(end - start).count() /
                         double(kQueries));
    }
  }
  for (std::size_t i = 0; i < lists.size(); ++i) {
    std::printf("%6zu rules: %5.0f ns a decision", counts[i], median(times[i]));
    if (counts[i] > 0) {
      std::printf(", %.1f octets a rule beside its text",
                  double(lists[i].rules.memory()) / double(counts[i]));
    }
    std::printf("\n");
  }
  return ruled == 0;  // they are looked up
}
