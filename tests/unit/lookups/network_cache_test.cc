#include "greyd/lookups/network_cache.h"

#include <doctest/doctest.h>

#include <string>

namespace grey {
namespace {

using spf::Ended;
using spf::Flattened;

constexpr Seconds kNow = 1'700'000'000;

Flattened networks(std::initializer_list<const char*> all, Seconds ttl = 3600) {
  Flattened flattened{Ended::whole, ttl, {}};
  for (const char* text : all) {
    const auto written = read_network(text);
    flattened.networks.push_back({written->address, written->prefix});
  }
  return flattened;
}

TEST_CASE("what is known of a domain holds until its time is over") {
  NetworkCache cache;
  CHECK(cache.find("a.example", kNow) == nullptr);
  CHECK(cache.is_due("a.example", kNow));
  cache.put("a.example", networks({"192.0.2.0/24", "2001:db8::/32"}), kNow);
  const auto* const known = cache.find("a.example", kNow + 3599);
  REQUIRE(known != nullptr);
  CHECK(known->set().contains(*Ip::parse("192.0.2.7")));
  CHECK(known->set().contains(*Ip::parse("2001:db8:1::")));
  CHECK_FALSE(known->set().contains(*Ip::parse("192.0.3.7")));
  CHECK(cache.find("a.example", kNow + 3600) == nullptr);
  CHECK_FALSE(cache.is_due("a.example", kNow + 3239));
  CHECK(cache.is_due("a.example", kNow + 3240));  // its last tenth
  CHECK(cache.is_due("a.example", kNow - 1));     // the clock was set back
}

TEST_CASE("that there is nothing is known, too") {
  NetworkCache cache;
  cache.put("a.example", {Ended::no_record, 600, {}}, kNow);
  const auto* const known = cache.find("a.example", kNow + 599);
  REQUIRE(known != nullptr);
  CHECK_FALSE(known->set().contains(*Ip::parse("192.0.2.7")));
  CHECK_FALSE(cache.is_due("a.example", kNow + 1));
}

TEST_CASE("a temporary failure is not believed, and leaves what holds") {
  NetworkCache cache;
  cache.put("a.example", {Ended::temporary, 600, {}}, kNow);
  CHECK(cache.find("a.example", kNow) == nullptr);
  CHECK_FALSE(cache.is_due("a.example", kNow + NetworkCache::kPause - 1));
  CHECK(cache.is_due("a.example", kNow + NetworkCache::kPause));
  cache.put("a.example", networks({"192.0.2.0/24"}), kNow + 60);
  cache.put("a.example", {Ended::temporary, 600, {}}, kNow + 70);
  CHECK(cache.find("a.example", kNow + 80) != nullptr);
  cache.put("a.example", {Ended::temporary, 600, {}}, kNow + 3700);
  CHECK(cache.find("a.example", kNow + 3700) == nullptr);
  CHECK(cache.size() == 1);
}

TEST_CASE("it is bounded by domains and by octets, and who is looked at stays") {
  NetworkCache few({10, 1 << 20});
  std::size_t gone = 0;
  for (int i = 0; i < 100; ++i) {
    gone += few.put("d" + std::to_string(i) + ".example", networks({"192.0.2.0/24"}), kNow);
    CHECK(few.find("d0.example", kNow) != nullptr);
  }
  CHECK(few.size() == 10);
  CHECK(gone == 90);
  CHECK(few.find("d99.example", kNow) != nullptr);
  CHECK(few.find("d50.example", kNow) == nullptr);

  NetworkCache small({1'000'000, 100'000});
  Flattened large{Ended::whole, 3600, {}};
  for (std::uint32_t i = 0; i < spf::kMaxNetworks; ++i) {
    large.networks.push_back({Ip::from_v4(i << 9), 120});
  }
  for (int i = 0; i < 1000; ++i) small.put("d" + std::to_string(i) + ".example", large, kNow);
  CHECK(small.octets() <= 100'000);
  CHECK(small.size() > 5);
}

TEST_CASE("who brings more than a sixteenth pushes out his own, by number or by octets") {
  const Ip loud = *Ip::parse("198.51.100.0"), quiet = *Ip::parse("203.0.113.0");
  Flattened large{Ended::whole, 3600, {}};
  for (std::uint32_t i = 0; i < spf::kMaxNetworks; ++i) {
    large.networks.push_back({Ip::from_v4(i << 9), 120});
  }
  struct {
    NetworkCache::Bounds bounds;
    Flattened brought;
  } const table[] = {{{160, 1 << 24}, networks({"192.0.2.0/24"})}, {{100'000, 200'000}, large}};
  for (const auto& row : table) {
    NetworkCache cache(row.bounds);
    for (int i = 0; i < 40; ++i) {
      cache.put("q" + std::to_string(i) + ".example", networks({"192.0.2.0/24"}), kNow, quiet);
    }
    for (int i = 0; i < 20; ++i) {
      cache.put("ours" + std::to_string(i) + ".example", networks({"192.0.2.0/24"}), kNow);
    }
    for (int i = 0; i < 1000; ++i) {
      cache.put("l" + std::to_string(i) + ".example", row.brought, kNow, loud);
      // Of its own, too, who is looked at stays.
      if (i > 0) CHECK(cache.find("l0.example", kNow) != nullptr);
    }
    CHECK(cache.size() <= row.bounds.domains);
    CHECK(cache.octets() <= row.bounds.octets);
    for (int i = 0; i < 40; ++i) {
      CHECK(cache.find("q" + std::to_string(i) + ".example", kNow) != nullptr);
    }
    for (int i = 0; i < 20; ++i) {
      CHECK(cache.find("ours" + std::to_string(i) + ".example", kNow) != nullptr);
    }
    CHECK(cache.find("l999.example", kNow) != nullptr);
    CHECK(cache.find("l1.example", kNow) == nullptr);
  }
}

TEST_CASE("who brings no more than others pushes out whoever is not looked at") {
  NetworkCache cache({160, 1 << 24});
  for (std::uint32_t i = 0; i < 1000; ++i) {
    cache.put("d" + std::to_string(i) + ".example", networks({"192.0.2.0/24"}), kNow,
              Ip::from_v4(i % 100 << 8));
  }
  CHECK(cache.size() == 160);
  for (int i = 840; i < 1000; ++i) {
    CHECK(cache.find("d" + std::to_string(i) + ".example", kNow) != nullptr);
  }
}

TEST_CASE("a hundred thousand domains, whatever they have, take no more than their bound") {
  NetworkCache cache;
  for (int i = 0; i < 100'000; ++i) {
    const std::string domain = std::string(200, 'x') + std::to_string(i) + ".example";
    if (i % 3 == 0) {
      cache.put(domain, networks({"192.0.2.0/24"}), kNow);
    } else {
      cache.put(domain, {i % 3 == 1 ? Ended::no_record : Ended::temporary, 600, {}}, kNow);
    }
  }
  CHECK(cache.size() <= 20'000);
  CHECK(cache.octets() <= 16u << 20);
}

}  // namespace
}  // namespace grey
