// Addresses as numbers in their order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "greyd/wire/ip.h"

namespace grey {

__extension__ using WideNumber = unsigned __int128;

// REQUIRES: ip.is_v4().
inline std::uint32_t v4_number(const Ip& ip) {
  const auto& b = ip.bytes();
  return std::uint32_t(b[12]) << 24 | std::uint32_t(b[13]) << 16 | std::uint32_t(b[14]) << 8 |
         b[15];
}

inline WideNumber v6_number(const Ip& ip) {
  WideNumber number = 0;
  for (const std::uint8_t byte : ip.bytes()) number = number << 8 | byte;
  return number;
}

inline Ip v6_from_number(WideNumber number) {
  std::array<std::uint8_t, 16> bytes;
  for (std::size_t i = 16; i-- > 0; number >>= 8) bytes[i] = std::uint8_t(number);
  return Ip(bytes);
}

// Cuts first..last into networks: each the largest that starts where the last one ended. Calls
// visit(first address, prefix).
template <typename Number, typename Visit>
void cut_into_networks(Number first, Number last, Visit visit) {
  constexpr unsigned kBits = sizeof(Number) * 8;
  for (;;) {
    unsigned host_bits = 0;
    Number size_minus_one = 0;  // 2^host_bits - 1, so that all of the numbers fit too
    while (host_bits < kBits) {
      const Number larger = Number(size_minus_one << 1 | 1);
      if ((first & larger) != 0 || last - first < larger) break;
      size_minus_one = larger;
      ++host_bits;
    }
    visit(first, kBits - host_bits);
    if (last - first == size_minus_one) return;
    first += size_minus_one + 1;
  }
}

}  // namespace grey
