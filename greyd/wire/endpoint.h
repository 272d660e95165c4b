// "Where is the daemon": the address forms of GREYIP (greyd/DESIGN.md, section 6) and of the
// daemon's ipaddr argument. Part of grey_wire: nothing here may throw or allocate.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "greyd/wire/ip.h"

namespace grey {

constexpr std::uint16_t kDefaultPort = 1999;

struct Endpoint {
  Ip ip = Ip::from_v4(0x7f000001);
  std::uint16_t port = kDefaultPort;

  auto operator<=>(const Endpoint&) const = default;
};

enum class Wildcards { refused, allowed };

// ip@port  ip:port  [v6]@port  [v6]:port  ip  v6@port  @port  :port  @  :
// A part that is left out is 127.0.0.1 or `default_port`. An ip of "0" is this host where somebody
// asks, as for IndiMail's client. With Wildcards::allowed, where somebody listens, it is every
// address, IPv4 and IPv6 (the result's ip is ::), and so is "*". An IPv6 address followed by
// ":port" needs the brackets. Nothing for an empty text, a port of 0 or above 65535, or any other.
std::optional<Endpoint> parse_endpoint(std::string_view text, Wildcards wildcards,
                                       std::uint16_t default_port = kDefaultPort);

}  // namespace grey
