// Bounces that were just accepted, so that a query that is sent again gets the same answer.
//
// A bounce uses up its triplet: what was accepted once is new the next time. But an asker whose
// answer got lost asks once more about the same message, and must not be told to defer it. It sends
// the same datagram from the same port, which no other question does.
//
// Pure: `now` is an argument. Bounded: of more than kMost bounces the oldest are let go.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "greyd/endpoint.h"
#include "greyd/policy.h"

namespace grey {

class AcceptedBounces {
 public:
  static constexpr Seconds kLife = 60;  // the longest GREYTIMEOUT
  static constexpr std::size_t kMost = 16384;

  AcceptedBounces();  // with a secret hash key of its own
  void remember(const Endpoint& source, std::string_view datagram, Seconds now);
  bool contains(const Endpoint& source, std::string_view datagram, Seconds now) const;

 private:
  using Hash = std::uint64_t;  // keyed; of datagram and source
  Hash hash_of(const Endpoint& source, std::string_view datagram) const;

  std::array<std::uint8_t, 16> key_;
  std::unordered_map<Hash, Seconds> times_;
  std::vector<Hash> order_;  // of the bounces in times_, round about
  std::size_t oldest_ = 0;   // in order_, once that is full
};

}  // namespace grey
