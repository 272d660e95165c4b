#include "greyd/ip.h"

#include <arpa/inet.h>

#include <cstring>

namespace grey {
namespace {

// Strict dotted quad. Most queries carry one, so it is not left to inet_pton, which would also
// want a copy with a NUL.
std::optional<Ip> parse_v4(std::string_view text) {
  std::uint32_t address = 0;
  std::size_t at = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0) {
      if (at == text.size() || text[at] != '.') return std::nullopt;
      ++at;
    }
    unsigned value = 0;
    std::size_t digits = 0;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9' && digits < 4) {
      value = value * 10 + unsigned(text[at] - '0');
      ++digits;
      ++at;
    }
    if (digits == 0 || digits > 3 || value > 255) return std::nullopt;
    if (digits > 1 && text[at - digits] == '0') return std::nullopt;
    address = address << 8 | value;
  }
  if (at != text.size()) return std::nullopt;
  return Ip::from_v4(address);
}

}  // namespace

std::optional<Ip> Ip::parse(std::string_view text) {
  if (text.empty() || text.size() > kMaxText) return std::nullopt;
  if (std::memchr(text.data(), ':', text.size()) == nullptr) return parse_v4(text);
  char copy[kMaxText + 1];
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  if (std::strlen(copy) != text.size()) return std::nullopt;  // a NUL inside
  Ip ip;
  if (inet_pton(AF_INET6, copy, ip.bytes_.data()) != 1) return std::nullopt;
  return ip;
}

std::size_t Ip::format(char (&out)[kMaxText + 1]) const {
  if (is_v4()) {
    char* at = out;
    for (std::size_t i = 12; i < 16; ++i) {
      if (i > 12) *at++ = '.';
      const unsigned value = bytes_[i];
      if (value >= 100) *at++ = char('0' + value / 100);
      if (value >= 10) *at++ = char('0' + value / 10 % 10);
      *at++ = char('0' + value % 10);
    }
    return std::size_t(at - out);
  }
  inet_ntop(AF_INET6, bytes_.data(), out, sizeof out);
  return std::strlen(out);
}

bool Ip::is_v4() const {
  static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::memcmp(bytes_.data(), kMapped, sizeof kMapped) == 0;
}

bool Ip::is_any() const {
  return *this == Ip() || *this == from_v4(0);
}

Ip Ip::network(unsigned prefix) const {
  Ip result = *this;
  for (unsigned i = 0; i < 16; ++i) {
    const unsigned first_bit = i * 8;
    if (prefix >= first_bit + 8) continue;
    const unsigned keep = prefix > first_bit ? prefix - first_bit : 0;
    result.bytes_[i] = std::uint8_t(result.bytes_[i] & (0xff00u >> keep));
  }
  return result;
}

}  // namespace grey
