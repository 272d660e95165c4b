// Counts by name, for millions of names in little memory: 16 octets a name in a table that is
// between a half and six sevenths full, and the texts of those alone that may come to be shown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/hash_key.h"
#include "greyd/report/report.h"

namespace grey::report {

// A hash of 64 bits that who sends the text cannot foresee; two texts are taken for one so rarely
// that no figure shows it.
std::uint64_t hash_of(std::string_view text, const HashKey& key, std::uint64_t seed = 0);

class HashCounts {
 public:
  struct Slot {
    std::uint64_t hash = 0;
    std::uint32_t count = 0;  // 0: free
    std::uint32_t note = 0;   // the owner's
  };
  // Counts one more. The slot is valid until the next.
  Slot& add(std::uint64_t hash);
  std::size_t size() const { return used_; }
  const std::vector<Slot>& slots() const { return slots_; }  // free ones among them

 private:
  Slot& slot_of(std::uint64_t hash);
  void grow();

  static constexpr std::size_t kLeast = 64;  // slots

  std::vector<Slot> slots_;
  std::size_t used_ = 0;
};

class Tally {
 public:
  explicit Tally(const HashKey& key) : key_(key) {}

  void add(std::string_view name);
  // The so many that were added most often; of equals by name.
  Ranking ranking(std::size_t most) const;

 private:
  static constexpr std::size_t kMostText = 100;  // octets of a name that is kept
  // Names beyond the first so many keep no text until they come a second time.
  static constexpr std::size_t kTextAtOnce = 100'000;

  void keep_text(HashCounts::Slot& slot, std::string_view name);
  std::string_view text_of(const HashCounts::Slot& slot) const;

  const HashKey key_;
  HashCounts counts_;                         // note: where the text begins, 0: there is none
  std::string texts_ = std::string(1, '\0');  // each after an octet with its length
};

}  // namespace grey::report
