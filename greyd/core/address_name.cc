#include "greyd/core/address_name.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>

namespace grey {
namespace {

constexpr std::size_t kMostNumbers = 64;  // of a name that are looked at

// The numbers in a name, each as long as its digits go on.
struct Numbers {
  std::array<std::uint32_t, kMostNumbers> values;  // `size` of them
  std::size_t size = 0;
  std::size_t longest = 0;  // digits of one

  void add(std::uint32_t value, std::size_t digits) {
    longest = std::max(longest, digits);
    if (size < values.size()) values[size++] = value;
  }
  std::span<const std::uint32_t> all() const { return std::span(values).first(size); }
  bool holds(std::span<const std::uint32_t> sought) const {
    if (sought.size() > size) return false;
    return std::search(all().begin(), all().end(), sought.begin(), sought.end()) != all().end();
  }
  bool holds_either_way(std::span<const std::uint32_t> sought) const {
    if (sought.size() > size) return false;
    std::array<std::uint32_t, 8> back{};  // an address has no more
    std::reverse_copy(sought.begin(), sought.end(), back.begin());
    return holds(sought) || holds(std::span(back).first(sought.size()));
  }
};

// What each character is as a hexadecimal digit; 16 for what is none.
constexpr std::array<std::uint8_t, 256> digits_of_characters() {
  std::array<std::uint8_t, 256> digits{};
  for (std::uint8_t& digit : digits) digit = 16;
  for (std::uint8_t i = 0; i < 16; ++i) {
    digits[static_cast<unsigned char>("0123456789abcdef"[i])] = i;
  }
  return digits;
}
constexpr std::array<std::uint8_t, 256> kDigits = digits_of_characters();

// Numbers of that base. Those of more digits than `most` are there as what no other is.
Numbers numbers_in(std::string_view name, unsigned base, std::size_t most) {
  Numbers numbers;
  std::uint64_t value = 0;
  std::size_t digits = 0;
  const auto end = [&] {
    if (digits > 0) {
      numbers.add(digits <= most && value < UINT32_MAX ? std::uint32_t(value) : UINT32_MAX, digits);
    }
    value = digits = 0;
  };
  for (const char c : name) {
    const unsigned digit = kDigits[static_cast<unsigned char>(c)];
    if (digit < base) {
      if (++digits <= most) value = value * base + digit;
    } else if (digits > 0) {
      end();
    }
  }
  end();
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
  const Numbers decimal = numbers_in(name, 10, 10);
  for (const std::size_t from : {0, 1}) {
    if (decimal.holds_either_way(std::span(numbers).subspan(from, 3))) return true;
  }
  static constexpr char kHex[] = "0123456789abcdef";
  std::array<char, 8> forth, back;
  for (std::size_t i = 0; i < 4; ++i) {
    forth[2 * i] = back[6 - 2 * i] = kHex[octets[i] >> 4];
    forth[2 * i + 1] = back[7 - 2 * i] = kHex[octets[i] & 15];
  }
  const std::string_view hex(forth.data(), forth.size());
  // Hardly a name has the first two, and only then there can be more.
  if (has(name, hex.substr(0, 2)) && has(name, hex.substr(2, 2))) {
    if (has(name, hex) || has(name, {back.data(), back.size()})) return true;
    if (numbers_in(name, 16, 2).holds_either_way(numbers)) return true;
  }
  constexpr std::size_t kFewest = 7;  // digits in one: of fewer it may be another number
  if (decimal.longest < kFewest) return false;
  const std::uint32_t whole = numbers[0] << 24 | numbers[1] << 16 | numbers[2] << 8 | numbers[3];
  if (whole > 0xffffff && decimal.holds(std::array{whole})) return true;
  Octets other = octets;
  std::reverse(other.begin(), other.end());
  for (const Octets& order : {octets, other}) {
    if (has(name, joined(order, 10, 3))) return true;
    const std::string run = joined(order, 10, 1);  // 1921681611
    if (run.size() >= kFewest && has(name, run)) return true;
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
  for (std::size_t i = 0; i < 8; ++i)
    groups[i] = std::uint32_t(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  const auto groups_end = std::remove_if(groups.begin(), groups.end(), is_zero);
  const auto said = std::size_t(groups_end - groups.begin());
  Numbers written = numbers_in(name, 16, 4);
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

}  // namespace grey
