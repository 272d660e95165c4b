// A set of networks that may lie within each other, with a value each: all that hold an address are
// found, at a cost that does not grow with the set but with how many hold it.
//
// Of two networks one holds the other, or they have nothing in common. So each has at most one next
// wider one, and those that hold an address are the last that begins at or before it, if that holds
// it, and the wider ones from there on. The search for it is confined to the few that share the
// leading bits of the address. Build once, then look up.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "greyd/lists/slot_index.h"

namespace grey {

template <typename Number>  // unsigned
class NetworkTree {
 public:
  static constexpr unsigned kBits = sizeof(Number) * 8;

  // `first`: its first address; `prefix`: 0 to kBits. Each network once.
  void add(Number first, unsigned prefix, std::uint32_t value) {
    networks_.push_back({first, value, kNone, std::uint8_t(prefix)});
  }

  void build() {
    std::sort(networks_.begin(), networks_.end(), [](const Network& a, const Network& b) {
      return a.first != b.first ? a.first < b.first : a.prefix < b.prefix;
    });
    networks_.shrink_to_fit();
    for (std::size_t i = 1; i < networks_.size(); ++i) {
      std::uint32_t wider = std::uint32_t(i - 1);
      while (wider != kNone && !holds(networks_[wider], networks_[i].first)) {
        wider = networks_[wider].wider;
      }
      networks_[i].wider = wider;
    }
    index_.build(networks_.size(), [this](std::size_t i) { return networks_[i].first; });
  }

  // Calls visit(value) for each that holds the number, the narrowest first.
  template <typename Visit>
  void for_each_around(Number number, Visit visit) const {
    if (networks_.empty() || number < networks_.front().first) return;
    const auto part = index_.part_of(number);
    const auto after = std::upper_bound(
        networks_.begin() + std::ptrdiff_t(part.from), networks_.begin() + std::ptrdiff_t(part.to),
        number, [](Number wanted, const Network& network) { return wanted < network.first; });
    auto at = std::uint32_t(after - networks_.begin() - 1);
    while (at != kNone && !holds(networks_[at], number)) at = networks_[at].wider;
    for (; at != kNone; at = networks_[at].wider) visit(networks_[at].value);
  }

  std::size_t memory() const { return networks_.capacity() * sizeof(Network) + index_.memory(); }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  struct Network {
    Number first;
    std::uint32_t value;
    std::uint32_t wider;  // the narrowest that holds this one
    std::uint8_t prefix;
  };

  static bool holds(const Network& network, Number number) {
    const unsigned rest = kBits - network.prefix;
    return rest == kBits || number >> rest == network.first >> rest;
  }

  std::vector<Network> networks_;
  SlotIndex<Number> index_;
};

}  // namespace grey
