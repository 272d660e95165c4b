// Bounces that were just accepted, so that a question that is asked again gets the same answer.
//
// A bounce uses up its triplet: what was accepted once is new the next time. But an asker whose
// answer got lost asks once more about the same message, Postfix asks at RCPT and again at its end
// if it is told to, and neither must then be told to defer it.
//
// Pure: `now` is an argument. Bounded: of more than kMost bounces the oldest are let go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "greyd/policy.h"

namespace grey {

class AcceptedBounces {
 public:
  static constexpr Seconds kLife = 600;  // a client's whole time for a message (RFC 5321, 4.5.3.2)
  static constexpr std::size_t kMost = 16384;

  // `question`: see wire::Query.
  void remember(std::uint64_t question, Seconds now);
  bool contains(std::uint64_t question, Seconds now) const;

 private:
  std::unordered_map<std::uint64_t, Seconds> times_;
  std::vector<std::uint64_t> order_;  // of the bounces in times_, round about
  std::size_t oldest_ = 0;            // in order_, once that is full
};

}  // namespace grey
