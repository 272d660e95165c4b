// Domains as the DNS can be asked for them, in the one spelling that keys and records have.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace grey {

constexpr std::size_t kMaxDomain = 253;  // octets of a name's text (RFC 1035, 2.3.4)
constexpr std::size_t kMaxLabel = 63;    // octets of a label (the same)

// Whether `name` is two labels or more of small letters, digits, '-' and '_', without a dot at the
// end. The last one is not of digits alone: that is an address (RFC 3696, 2).
constexpr bool is_dns_domain(std::string_view name) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto fits = [&](char c) {
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
  };
  if (name.size() > kMaxDomain) return false;
  for (std::size_t labels = 1;; ++labels) {
    const std::size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    if (label.empty() || label.size() > kMaxLabel || !std::ranges::all_of(label, fits)) {
      return false;
    }
    if (dot == std::string_view::npos) {
      return labels > 1 && !std::ranges::all_of(label, is_digit);
    }
    name.remove_prefix(dot + 1);
  }
}

}  // namespace grey
