// A set of numbers given as ranges, each with the line it comes from: addresses, in numeric order.
// Lookup cost does not grow with the set, as a search is confined to the few ranges that share the
// leading bits of the number; memory is two numbers, 4 bytes of line, which only a number that is
// found costs a look, and 4 to 8 bytes of index per range.
//
// Build once, then look up. Ranges may overlap while added; of those that hold a number, the one
// that begins first (of networks: the widest) has it, of equal ones that of the first line.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "greyd/lists/slot_index.h"

namespace grey {

template <typename Number>  // unsigned
class RangeSet {
 public:
  void add(Number first, Number last, std::uint32_t line = 0) {
    added_.push_back({first, last, line});
  }

  void build() {
    join();
    index_.build(ranges_.size(), [this](std::size_t i) { return ranges_[i].first; });
  }

  bool contains(Number number) const {
    if (!in_span(number)) return false;
    const auto after = after_of(number);
    return after != ranges_.begin() && number <= std::prev(after)->last;
  }

  // The line of the range that holds the number. REQUIRES: contains(number).
  std::uint32_t line_of(Number number) const {
    return lines_[std::size_t(after_of(number) - ranges_.begin()) - 1];
  }

  // Whether one range holds all numbers.
  bool is_whole() const {
    return ranges_.size() == 1 && ranges_[0].first == 0 && ranges_[0].last == kLast;
  }

  // Calls visit(first, last) for each run of numbers without a gap, in order.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < ranges_.size(); ++i) {
      const Number first = ranges_[i].first;
      while (i + 1 < ranges_.size() && ranges_[i + 1].first - ranges_[i].last == 1) ++i;
      visit(first, ranges_[i].last);
    }
  }

  // Who looks up many calls these for each of them, one after the other, and finds their memory
  // waiting in the cache.
  void prefetch_index(Number number) const {
    if (in_span(number)) index_.prefetch(number);
  }
  void prefetch_range(Number number) const {
    if (in_span(number))
      __builtin_prefetch(&ranges_[std::min(index_.part_of(number).from, ranges_.size() - 1)]);
  }

  std::size_t size() const { return ranges_.size(); }
  std::size_t memory() const {
    return ranges_.capacity() * sizeof(Range) + lines_.capacity() * sizeof(std::uint32_t) +
           index_.memory();
  }

 private:
  static constexpr Number kLast = ~Number{0};
  struct Range {
    Number first, last;
  };
  struct Added {
    Number first, last;
    std::uint32_t line;
  };

  bool in_span(Number number) const {
    return !ranges_.empty() && number >= ranges_.front().first && number <= ranges_.back().last;
  }

  // The range that holds the number, if any, is the last one that starts at or before it: among
  // those that start in its slot, or the one before them. The one after that.
  // REQUIRES: in_span(number).
  auto after_of(Number number) const {
    const auto part = index_.part_of(number);
    return std::upper_bound(ranges_.begin() + std::ptrdiff_t(part.from),
                            ranges_.begin() + std::ptrdiff_t(part.to), number,
                            [](Number wanted, const Range& range) { return wanted < range.first; });
  }

  // From what was added to ranges that do not overlap. Those of one line that touch become one.
  void join() {
    std::sort(added_.begin(), added_.end(), [](const Added& a, const Added& b) {
      if (a.first != b.first) return a.first < b.first;
      return a.last != b.last ? a.last > b.last : a.line < b.line;
    });
    std::size_t kept = 0;
    for (Added range : added_) {
      if (kept > 0) {
        Added& last = added_[kept - 1];
        if (range.last <= last.last) continue;
        if (range.first <= last.last) range.first = last.last + 1;
        if (range.first - last.last == 1 && range.line == last.line) {
          last.last = range.last;
          continue;
        }
      }
      added_[kept++] = range;
    }
    ranges_.reserve(kept);
    lines_.reserve(kept);
    for (std::size_t i = 0; i < kept; ++i) {
      ranges_.push_back({added_[i].first, added_[i].last});
      lines_.push_back(added_[i].line);
    }
    std::vector<Added>().swap(added_);
  }

  std::vector<Added> added_;  // until build()
  std::vector<Range> ranges_;
  std::vector<std::uint32_t> lines_;  // of each range
  SlotIndex<Number> index_;
};

}  // namespace grey
