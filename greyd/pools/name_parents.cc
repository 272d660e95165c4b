#include "greyd/pools/name_parents.h"

#include <libpsl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <span>

#include "greyd/base/text.h"

namespace grey {
namespace {

constexpr std::size_t kMaxName = 253;  // octets of a name's text (RFC 1035, 2.3.4)
constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMostNumbers = 64;  // of a name that are looked at

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f');
}

// Appends `name` in lower case. False, with nothing appended, where it is no name of a host, or has
// fewer labels than that.
bool append_name(std::string_view name, std::size_t least_labels, std::string& to) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > kMaxName) return false;
  std::size_t label = 0, labels = 1;
  for (const char c : name) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      ++labels;
      continue;
    }
    const char lower = to_lower(c);
    const bool fits = is_digit(c) || (lower >= 'a' && lower <= 'z') || c == '-' || c == '_';
    if (!fits || ++label > kMaxLabel) return false;
  }
  if (label == 0 || labels < least_labels) return false;
  std::transform(name.begin(), name.end(), std::back_inserter(to),
                 [](char c) { return to_lower(c); });
  return true;
}

// The numbers in a name, each as long as its digits go on.
struct Numbers {
  std::array<std::uint32_t, kMostNumbers> values{};
  std::size_t size = 0;

  void add(std::uint32_t value) {
    if (size < values.size()) values[size++] = value;
  }
  std::span<const std::uint32_t> all() const { return {values.data(), size}; }
  bool holds(std::span<const std::uint32_t> sought) const {
    return std::search(values.begin(), values.begin() + std::ptrdiff_t(size), sought.begin(),
                       sought.end()) != values.begin() + std::ptrdiff_t(size);
  }
  bool holds_either_way(std::span<const std::uint32_t> sought) const {
    if (holds(sought)) return true;
    std::array<std::uint32_t, kMostNumbers> back{};
    std::reverse_copy(sought.begin(), sought.end(), back.begin());
    return holds({back.data(), sought.size()});
  }
};

// Of runs of `of` digits in that base; longer ones than `most` are none.
template <typename Of>
Numbers numbers_in(std::string_view name, int base, std::size_t most, Of of) {
  Numbers numbers;
  for (std::size_t at = 0; at < name.size();) {
    if (!of(name[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < name.size() && of(name[end])) ++end;
    std::uint32_t value = UINT32_MAX;
    if (end - at <= most) {
      (void)std::from_chars(name.data() + at, name.data() + end, value, base);
    }
    numbers.add(value);
    at = end;
  }
  return numbers;
}

using Octets = std::array<std::uint8_t, 4>;

std::string joined(std::span<const std::uint8_t> octets, int base, std::size_t width) {
  std::string text;
  for (const std::uint8_t octet : octets) {
    char digits[4];
    const auto end = std::to_chars(digits, digits + sizeof digits, octet, base).ptr;
    const auto size = std::size_t(end - digits);
    text.append(width > size ? width - size : 0, '0').append(digits, size);
  }
  return text;
}

bool has(std::string_view name, std::string_view digits) {
  return name.find(digits) != std::string_view::npos;
}

// 192-0-2-1, 1.2.0.192, 192-000-002-001, 0-2-1; 192000002001; c0000201, c0-00-02-01; 3221225985
bool holds_v4(std::string_view name, const Octets& octets) {
  const std::array<std::uint32_t, 4> numbers{octets[0], octets[1], octets[2], octets[3]};
  const Numbers decimal = numbers_in(name, 10, 10, is_digit);
  for (std::size_t from : {0, 1}) {
    if (decimal.holds_either_way(std::span(numbers).subspan(from, 3))) return true;
  }
  const Numbers hex = numbers_in(name, 16, 2, is_hex);
  if (hex.holds_either_way(numbers)) return true;
  const std::uint32_t whole = numbers[0] << 24 | numbers[1] << 16 | numbers[2] << 8 | numbers[3];
  if (whole > 0xffffff && decimal.holds(std::array{whole})) return true;
  Octets back = octets;
  std::reverse(back.begin(), back.end());
  for (const Octets& order : {octets, back}) {
    if (has(name, joined(order, 10, 3)) || has(name, joined(order, 16, 2))) return true;
    // 19216811: of few digits it may be another number.
    const std::string run = joined(order, 10, 1);
    if (run.size() >= 7 && has(name, run)) return true;
  }
  return false;
}

// 2001-db8-0-0-1-2-3-4, 2001-db8--1-2-3-4; 20010db8..., its nibbles the other way, the last 64 bits
bool holds_v6(std::string_view name, const std::array<std::uint8_t, 16>& bytes) {
  std::string digits;  // of the name alone, as they follow each other
  std::copy_if(name.begin(), name.end(), std::back_inserter(digits),
               [](char c) { return c != '.' && c != '-' && c != '_'; });
  std::string nibbles = joined(bytes, 16, 2);
  std::string back(nibbles.rbegin(), nibbles.rend());
  const std::string_view host = std::string_view(nibbles).substr(16);
  const bool host_says_much = std::count(host.begin(), host.end(), '0') <= 8;
  if (has(digits, nibbles) || has(digits, back)) return true;
  if (host_says_much && (has(digits, host) || has(digits, std::string_view(back).substr(0, 16)))) {
    return true;
  }
  const auto is_zero = [](std::uint32_t value) { return value == 0; };
  std::array<std::uint32_t, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i) groups[i] = std::uint32_t(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  const auto groups_end = std::remove_if(groups.begin(), groups.end(), is_zero);
  const auto said = std::size_t(groups_end - groups.begin());
  Numbers written = numbers_in(name, 16, 4, is_hex);
  const auto written_end = std::remove_if(
      written.values.begin(), written.values.begin() + std::ptrdiff_t(written.size), is_zero);
  written.size = std::size_t(written_end - written.values.begin());
  return said >= 3 && written.holds_either_way(std::span(groups).first(said));
}

}  // namespace

bool holds_address(std::string_view name, const Ip& address) {
  const auto& bytes = address.bytes();
  if (address.is_v4()) return holds_v4(name, {bytes[12], bytes[13], bytes[14], bytes[15]});
  return holds_v6(name, bytes);
}

void take_domain(std::string_view sender, std::string& domain) {
  domain.clear();
  const std::size_t at = sender.rfind('@');
  if (at == std::string_view::npos) return;
  append_name(sender.substr(at + 1), 2, domain);
}

NameParents::NameParents()
    : suffixes_(::psl_latest(nullptr), [](psl_ctx_st* list) { ::psl_free(list); }) {}

void NameParents::take_parent(std::string_view name, const Ip& client, std::string& parent) const {
  parent.clear();
  if (!suffixes_ || !append_name(name, 3, parent)) return;
  const bool made_of_it = holds_address(parent, client);
  parent.erase(0, parent.find('.') + 1);
  if (made_of_it || ::psl_is_public_suffix(suffixes_.get(), parent.c_str()) != 0) parent.clear();
}

}  // namespace grey
