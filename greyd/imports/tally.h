// What has become of an import, for people: how many were taken, and of those that were not, why.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "greyd/imports/item.h"

namespace grey::imports {

class Tally {
 public:
  static constexpr std::size_t kShown = 10;  // of what was skipped, the first ones

  void took_record() { ++records_; }
  void took_entry() { ++entries_; }
  // What is stored here counts for more, or is the same.
  void had() { ++had_; }
  // It has come before in this import, and what both say is one record.
  void repeated() { ++repeated_; }
  void skipped(const Item& item, Reason reason);
  // What the source has counted itself.
  void add(const Sums& sums);

  std::uint64_t records() const { return records_; }
  std::uint64_t entries() const { return entries_; }
  std::uint64_t had_already() const { return had_; }
  std::uint64_t skipped(Reason reason) const { return reasons_[std::size_t(reason)]; }
  const Sums& sums() const { return sums_; }

  // Lines, each with its newline:
  //   taken: 12 records, 3 entries
  //   newer here: 2
  //   again: 7
  //   expired: 5
  //   skipped: 1, its client is no address
  //     dump.sql:80: localhost
  //   counted there: 16 blocked, 4 passed
  std::string text() const;

 private:
  struct Shown {
    Reason reason;
    std::string line;
  };

  std::uint64_t records_ = 0, entries_ = 0, had_ = 0, repeated_ = 0;
  std::array<std::uint64_t, kReasons> reasons_{};
  std::vector<Shown> shown_;
  Sums sums_;
};

}  // namespace grey::imports
