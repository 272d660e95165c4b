// A set of numbers given as ranges: addresses, in numeric order. Lookup cost does not grow with the
// set, as a search is confined to the few ranges that share the leading bits of the number; memory
// is two numbers and 4 to 8 bytes of index per range.
//
// Build once, then look up: ranges may overlap while added, build() joins them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace grey {

template <typename Number>  // unsigned
class RangeSet {
 public:
  void add(Number first, Number last) { ranges_.push_back({first, last}); }

  void build() {
    join();
    index();
  }

  bool contains(Number number) const {
    if (!in_span(number)) return false;
    const std::size_t slot = slot_of(number);
    // The range that holds the number, if any, is the last one that starts at or before it: among
    // those that start in this slot, or the one before them.
    const auto from = ranges_.begin() + std::ptrdiff_t(index_[slot]);
    const auto to = ranges_.begin() + std::ptrdiff_t(index_[slot + 1]);
    const auto after = std::upper_bound(
        from, to, number, [](Number wanted, const Range& range) { return wanted < range.first; });
    return after != ranges_.begin() && number <= std::prev(after)->last;
  }

  // Calls visit(first, last) for each range, in order. After build() they do not touch.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const Range& range : ranges_) visit(range.first, range.last);
  }

  // Who looks up many calls these for each of them, one after the other, and finds their memory
  // waiting in the cache.
  void prefetch_index(Number number) const {
    if (in_span(number)) __builtin_prefetch(&index_[slot_of(number)]);
  }
  void prefetch_range(Number number) const {
    if (in_span(number))
      __builtin_prefetch(
          &ranges_[std::min<std::size_t>(index_[slot_of(number)], ranges_.size() - 1)]);
  }

  std::size_t size() const { return ranges_.size(); }
  std::size_t memory() const {
    return ranges_.capacity() * sizeof(Range) + index_.capacity() * sizeof(std::uint32_t);
  }

 private:
  struct Range {
    Number first, last;
  };

  bool in_span(Number number) const {
    return !ranges_.empty() && number >= ranges_.front().first && number <= ranges_.back().last;
  }

  std::size_t slot_of(Number number) const {
    const Number slot = (number - ranges_.front().first) >> shift_;
    return slot < index_.size() - 2 ? std::size_t(slot) : index_.size() - 2;
  }

  void join() {
    std::sort(ranges_.begin(), ranges_.end(),
              [](const Range& a, const Range& b) { return a.first < b.first; });
    std::size_t kept = 0;
    for (const Range& range : ranges_) {
      Range* last = kept > 0 ? &ranges_[kept - 1] : nullptr;
      if (last != nullptr && (range.first <= last->last || range.first - last->last == 1)) {
        last->last = std::max(last->last, range.last);
      } else {
        ranges_[kept++] = range;
      }
    }
    ranges_.resize(kept);
    ranges_.shrink_to_fit();
  }

  // index_[s]: how many ranges start in slots before s. Slots are equal parts of the span that the
  // starts cover, between one and two for each range.
  void index() {
    index_.clear();
    if (ranges_.empty()) return;
    const Number span = ranges_.back().last - ranges_.front().first;
    shift_ = 0;
    while ((span >> shift_) >= 2 * ranges_.size()) ++shift_;
    index_.assign(std::size_t(span >> shift_) + 2, 0);  // numbers after the last start: last slot
    for (const Range& range : ranges_) ++index_[slot_of(range.first) + 1];
    for (std::size_t i = 1; i < index_.size(); ++i) index_[i] += index_[i - 1];
  }

  std::vector<Range> ranges_;
  std::vector<std::uint32_t> index_;
  unsigned shift_ = 0;
};

}  // namespace grey
