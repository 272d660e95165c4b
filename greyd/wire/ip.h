// An IPv4 or IPv6 address as 16 bytes; IPv4 is held as ::ffff:a.b.c.d, so that both spellings of
// one client are one value. Networks are prefixes of that 128-bit form: an IPv4 /24 is a /120.
//
// Part of grey_wire, which the C client library links too: nothing here may throw or allocate.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace grey {

class Ip {
 public:
  static constexpr std::size_t kMaxText = 45;  // longest IPv6 text, without a NUL (RFC 4291)
  static constexpr unsigned kV4Bits = 96;      // bits before the IPv4 part

  constexpr Ip() = default;  // ::
  constexpr explicit Ip(const std::array<std::uint8_t, 16>& bytes) : bytes_(bytes) {}
  static constexpr Ip from_v4(std::uint32_t host_order) {
    return Ip({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, std::uint8_t(host_order >> 24),
               std::uint8_t(host_order >> 16), std::uint8_t(host_order >> 8),
               std::uint8_t(host_order)});
  }

  // "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1". No brackets, zone, port or white space;
  // IPv4 parts have no leading zeros (inet_pton(3)).
  static std::optional<Ip> parse(std::string_view text);

  // The same for a client's address as servers give it: an IPv6 address may have a zone after it
  // ("fe80::1%eth0", RFC 4007). The zone names an interface of this host, not the client: it is
  // dropped.
  static std::optional<Ip> parse_client(std::string_view text);

  // Writes the canonical text (RFC 5952; dotted for IPv4) and returns its length; no NUL.
  std::size_t format(char (&out)[kMaxText + 1]) const;

  bool is_v4() const;
  bool is_any() const;  // 0.0.0.0 or ::
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  bool bit(unsigned i) const { return (bytes_[i / 8] >> (7 - i % 8)) & 1; }

  // The first `prefix` bits (0 to 128, of the 128-bit form), the rest zero.
  Ip network(unsigned prefix) const;

  // The IPv4 host that a translator has written into this address (NAT64, SIIT), if it is one that
  // can be a client. What the host itself could write is no translator's: see ip.cc.
  std::optional<Ip> translated() const;
  // That host, or else the address itself: whom others mean, who know nothing of the translator.
  Ip host() const { return translated().value_or(*this); }

  // What of the address counts as one client: its network, and for the special prefixes of ip.cc,
  // where a network would hold strangers, the host. The network of the result is the result.
  // REQUIRES: ipv4_prefix is 0 to 32, ipv6_prefix 0 to 128.
  Ip client_network(unsigned ipv4_prefix, unsigned ipv6_prefix) const;

  auto operator<=>(const Ip&) const = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

struct Network {
  Ip address;           // bits after the prefix are zero
  unsigned prefix = 0;  // 0 to 128, of the 128-bit form

  bool contains(const Ip& ip) const { return ip.network(prefix) == address; }
  auto operator<=>(const Network&) const = default;
};

inline std::string to_string(const Ip& ip) {
  char text[Ip::kMaxText + 1];
  return {text, ip.format(text)};
}

// "192.0.2.0/24", "2001:db8::/32"
inline std::string to_string(const Network& network) {
  const bool v4 = network.address.is_v4() && network.prefix >= Ip::kV4Bits;
  const unsigned bits = v4 ? network.prefix - Ip::kV4Bits : network.prefix;
  return to_string(network.address) + "/" + std::to_string(bits);
}

}  // namespace grey
