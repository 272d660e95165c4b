// Numbers and addresses as text at the end of a string, without a temporary one: the log and the
// context file write millions of them.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>

#include "greyd/wire/ip.h"

namespace grey {

template <typename Number>
void append_number(std::string& out, Number number) {
  char digits[24];
  const auto result = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, std::size_t(result.ptr - digits));
}

// 16 lower-case digits.
inline void append_hex64(std::string& out, std::uint64_t number) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) out += kHex[(number >> shift) & 15];
}

inline void append_ip(std::string& out, const Ip& ip) {
  char text[Ip::kMaxText + 1];
  out.append(text, ip.format(text));
}

}  // namespace grey
