// Octets as two hexadecimal digits each.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "greyd/base/text.h"

namespace grey::imports {

// -1: it is none.
constexpr int hex_digit(char c) {
  const char folded = to_lower(c);
  if (folded >= '0' && folded <= '9') return folded - '0';
  return folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : -1;
}

// False when `digits` are no octets; some may have been appended then.
inline bool append_hex(std::string& octets, std::string_view digits) {
  if (digits.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int high = hex_digit(digits[i]), low = hex_digit(digits[i + 1]);
    if (high < 0 || low < 0) return false;
    octets += char(high * 16 + low);
  }
  return true;
}

}  // namespace grey::imports
