// Which triplets a query has named, by the hash of their keys (Table::wide_hash: secret, so that
// nobody can make two of them alike).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace grey {

class NamedSet {
 public:
  // Empties it and makes room for `count`. Keeps at most kKept places for the next query.
  void begin(std::size_t count) {
    const std::size_t places = std::bit_ceil(2 * count + 1);
    if (places < kKept && slots_.capacity() > kKept) std::vector<std::uint64_t>().swap(slots_);
    slots_.assign(places, kEmpty);
  }
  // False when it was there.
  bool insert(std::uint64_t hash) {
    if (hash == kEmpty) hash = 1;
    std::size_t i = hash;
    for (;; ++i) {
      std::uint64_t& slot = slots_[i & (slots_.size() - 1)];
      if (slot == hash) return false;
      if (slot != kEmpty) continue;
      slot = hash;
      return true;
    }
  }

 private:
  static constexpr std::uint64_t kEmpty = 0;
  static constexpr std::size_t kKept = 4096;
  std::vector<std::uint64_t> slots_;
};

}  // namespace grey
