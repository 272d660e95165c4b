#include "greyd/wire/ip.h"

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

// A zone is an interface's name or number (RFC 4007, 11.2). Bounded, so that nothing long passes
// for an address.
bool is_zone(std::string_view text) {
  constexpr std::size_t kMaxZone = 64;
  if (text.empty() || text.size() > kMaxZone) return false;
  for (const char c : text) {
    if (c <= ' ' || c > '~' || c == '%' || c == '/') return false;
  }
  return true;
}

// Prefixes whose addresses are not what a network is elsewhere, one customer:
//
// translated  The last 32 bits are an IPv4 host, and that host is the client: one that is reached
//             both ways is one client, and two are two. Only a translator of the site's own has
//             such addresses to give, as the prefix is not routed between sites.
//   64:ff9b::/96      NAT64, the well-known prefix (RFC 6052, 2.1)
//   ::ffff:0:0:0/96   IPv4-translated, of stateless translators (RFC 2765, 2.1)
// tunnelled   Teredo, 2001::/32 (RFC 4380, 4): server (32 bits), flags, port, and the IPv4 address
// of
//             the client's NAT with all bits turned. That address alone counts, as the others
//             change with each session and a /64 would be all clients of one server. It stays apart
//             from the IPv4 host, for lists and keys alike: any relay on the way can use the
//             address.
// alone       The whole address is the client, whatever the prefix that counts:
//   64:ff9b:1::/48    NAT64 for local use (RFC 8215). Where in it the IPv4 address lies depends on
//                     a length that only the site knows, and mostly it is all in one /64.
//   ::/96             ::1, ::, and IPv4-compatible addresses, which nobody may use (RFC 4291,
//                     2.5.5.1): they prove nothing of the IPv4 host, and the loopback is no /64.
//   fe80::/10         link-local: all hosts of all links are in one /64.
//
// All others are networks as any: 6to4, 2002::/16 (a site has a /48 of its own, and its hosts are
// others than the gateway whose IPv4 address is in it); ISATAP (an interface identifier, which each
// host can give itself); unique local; documentation; multicast and the unspecified IPv4 address
// (no client has one, and a front that has nothing better to send is still answered).
// A NAT64 prefix of the operator's own (RFC 6052, 2.2) cannot be told from other networks.
enum class Special : std::uint8_t { none, translated, tunnelled, alone };

struct SpecialPrefix {
  std::uint8_t bytes[12];
  unsigned bits;
  Special kind;
};

constexpr SpecialPrefix kSpecialPrefixes[] = {
    {{0x00, 0x64, 0xff, 0x9b}, 96, Special::translated},
    {{0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0}, 96, Special::translated},
    {{0x20, 0x01, 0x00, 0x00}, 32, Special::tunnelled},
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, Special::alone},
    {{}, 96, Special::alone},
    {{0xfe, 0x80}, 10, Special::alone},
};

// This network, loopback, multicast and reserved: no translator has one of these for a client
// (RFC 6890), so whoever writes it into an address means to be taken for somebody else.
bool can_be_translated(std::uint8_t first_byte) {
  return first_byte != 0 && first_byte != 127 && first_byte < 224;
}

Special special_of(const std::array<std::uint8_t, 16>& bytes) {
  for (const SpecialPrefix& prefix : kSpecialPrefixes) {
    const unsigned whole = prefix.bits / 8;
    if (std::memcmp(bytes.data(), prefix.bytes, whole) != 0) continue;
    const unsigned rest = prefix.bits % 8;
    if (rest != 0 && (bytes[whole] ^ prefix.bytes[whole]) >> (8 - rest) != 0) continue;
    const bool strange = prefix.kind == Special::translated && !can_be_translated(bytes[12]);
    return strange ? Special::alone : prefix.kind;
  }
  return Special::none;
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

std::optional<Ip> Ip::parse_client(std::string_view text) {
  const std::size_t mark = text.find('%');
  if (mark == std::string_view::npos) return parse(text);
  const std::string_view address(text.data(), mark);
  if (!is_zone({text.data() + mark + 1, text.size() - mark - 1})) return std::nullopt;
  if (address.find(':') == std::string_view::npos) return std::nullopt;
  return parse(address);
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

std::optional<Ip> Ip::translated() const {
  if (is_v4() || special_of(bytes_) != Special::translated) return std::nullopt;
  Ip host = from_v4(0);
  std::memcpy(host.bytes_.data() + 12, bytes_.data() + 12, 4);
  return host;
}

Ip Ip::client_network(unsigned ipv4_prefix, unsigned ipv6_prefix) const {
  if (is_v4()) return network(kV4Bits + ipv4_prefix);
  switch (special_of(bytes_)) {
    case Special::translated:
      return translated()->network(kV4Bits + ipv4_prefix);
    case Special::tunnelled: {
      Ip client = *this;
      std::memset(client.bytes_.data() + 4, 0, 8);
      return client.network(kV4Bits + ipv4_prefix);
    }
    case Special::alone:
      return *this;
    case Special::none:
      break;
  }
  return network(ipv6_prefix);
}

}  // namespace grey
