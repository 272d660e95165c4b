// Sets of addresses as ranges that do not touch, in order. Small ones: to add costs as much as
// there are.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "greyd/lists/ip_number.h"
#include "greyd/wire/ip.h"

namespace grey::spf {

template <typename Number>  // unsigned
class Ranges {
 public:
  struct Range {
    Number first, last;
  };

  void add(Number first, Number last) {
    auto from = std::partition_point(ranges_.begin(), ranges_.end(), [&](const Range& range) {
      return range.last < first && first - range.last > 1;
    });
    auto to = from;
    for (; to != ranges_.end() && (to->first <= last || to->first - last == 1); ++to) {
      first = std::min(first, to->first);
      last = std::max(last, to->last);
    }
    from = ranges_.erase(from, to);
    ranges_.insert(from, {first, last});
  }

  void add(const Ranges& others) {
    for (const Range& range : others.ranges_) add(range.first, range.last);
  }

  // Those that are not in `others`.
  Ranges without(const Ranges& others) const {
    Ranges left;
    auto other = others.ranges_.begin();
    for (const Range& range : ranges_) {
      Number first = range.first;
      bool rest = true;
      while (other != others.ranges_.end() && other->last < first) ++other;
      for (auto at = other; at != others.ranges_.end() && at->first <= range.last; ++at) {
        if (at->first > first) left.ranges_.push_back({first, Number(at->first - 1)});
        rest = at->last < range.last;
        if (!rest) break;
        first = at->last + 1;
      }
      if (rest) left.ranges_.push_back({first, range.last});
    }
    return left;
  }

  const std::vector<Range>& all() const { return ranges_; }
  std::size_t size() const { return ranges_.size(); }

 private:
  std::vector<Range> ranges_;
};

// Of both families.
struct AddressRanges {
  Ranges<std::uint32_t> v4;
  Ranges<WideNumber> v6;

  void add(const Network& network) {
    if (network.address.is_v4()) {
      const unsigned bits = network.prefix - Ip::kV4Bits;
      const std::uint32_t first = v4_number(network.address);
      v4.add(first, first | (bits == 32 ? 0u : ~0u >> bits));
    } else {
      const WideNumber first = v6_number(network.address);
      const unsigned bits = network.prefix;
      v6.add(first, first | (bits == 128 ? WideNumber{0} : ~WideNumber{0} >> bits));
    }
  }
  void add(const AddressRanges& others) {
    v4.add(others.v4);
    v6.add(others.v6);
  }
  AddressRanges without(const AddressRanges& others) const {
    return {v4.without(others.v4), v6.without(others.v6)};
  }
  std::size_t size() const { return v4.size() + v6.size(); }
};

}  // namespace grey::spf
