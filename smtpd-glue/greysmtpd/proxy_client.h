// The client behind a proxy that GREYPROXY names, in place of the proxy: in the environment, where
// everything that follows looks for it. See greysmtpd(8).
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "greyd/wire/ip.h"
#include "smtpd-glue/greysmtpd/proxy_header.h"

namespace grey::smtp {

constexpr int kProxyHeaderMs = 10000;  // how long a proxy's header is waited for, in all

// "192.0.2.1,198.51.100.0/24,2001:db8::/32", as --allow takes them. Nothing when any member is bad.
std::optional<std::vector<Network>> parse_networks(std::string_view text);
// ::/0 is all of IPv6, and nothing of IPv4.
bool is_in(const std::vector<Network>& networks, const Ip& ip);

// Reads the header, and no octet more. The reason when there is none; else an empty text.
std::string_view read_proxy_header(ProxyHeader& header, int fd, int limit_ms = kProxyHeaderMs);

// In place of the proxy the variables that tcpserver has set say what a complete header does. What
// names the proxy is taken away, and so is what tcp.smtp may have granted to its address, unless it
// speaks for itself.
void set_client_environment(const ProxyHeader& header);

// All of it, for the peer TCPREMOTEIP, whose connection is `in` and `out`: before anything else is
// done with them. False when the session ends with it: the peer was told, and the log.
bool take_proxy_header(int in, int out);

}  // namespace grey::smtp
