// Where to search for a number among many in ascending order: the few that share its leading bits.
// 4 to 8 octets for each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace grey {

template <typename Number>  // unsigned
class SlotIndex {
 public:
  // number_of(i), for i < count, are the numbers in ascending order.
  template <typename NumberOf>
  void build(std::size_t count, NumberOf number_of) {
    counts_.clear();
    if (count == 0) return;
    first_ = number_of(0);
    const Number span = number_of(count - 1) - first_;
    shift_ = 0;
    while ((span >> shift_) >= 2 * count) ++shift_;
    counts_.assign(std::size_t(span >> shift_) + 2, 0);
    for (std::size_t i = 0; i < count; ++i) ++counts_[slot_of(number_of(i)) + 1];
    for (std::size_t i = 1; i < counts_.size(); ++i) counts_[i] += counts_[i - 1];
  }

  // Those that share the leading bits: all before `from` are less, and all from `to` on are
  // greater. REQUIRES for both: there are numbers, and this one is not less than the first.
  struct Part {
    std::size_t from, to;
  };
  Part part_of(Number number) const {
    const std::size_t slot = slot_of(number);
    return {counts_[slot], counts_[slot + 1]};
  }
  void prefetch(Number number) const { __builtin_prefetch(&counts_[slot_of(number)]); }

  std::size_t memory() const { return counts_.capacity() * sizeof(std::uint32_t); }

 private:
  // Equal parts of what the numbers cover, between one and two for each; what is beyond them
  // belongs to the last.
  std::size_t slot_of(Number number) const {
    const Number slot = (number - first_) >> shift_;
    return slot < counts_.size() - 2 ? std::size_t(slot) : counts_.size() - 2;
  }

  std::vector<std::uint32_t> counts_;  // [s]: how many are in slots before s
  Number first_ = 0;
  unsigned shift_ = 0;
};

}  // namespace grey
