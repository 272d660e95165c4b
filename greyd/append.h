// Numbers and addresses as text at the end of a string, without a temporary one: the log and the
// context file write millions of them.
#pragma once

#include <charconv>
#include <string>

#include "greyd/ip.h"

namespace grey {

template <typename Number>
void append_number(std::string& out, Number number) {
  char digits[24];
  const auto result = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, std::size_t(result.ptr - digits));
}

inline void append_ip(std::string& out, const Ip& ip) {
  char text[Ip::kMaxText + 1];
  out.append(text, ip.format(text));
}

}  // namespace grey
