// Addresses as numbers in their order.
#pragma once

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

}  // namespace grey
