#include "greyd/net/socket_address.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

namespace grey {
namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

SocketAddress to_socket_address(const Endpoint& endpoint, int family) {
  SocketAddress address;
  if (family == AF_INET) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    if (!endpoint.ip.is_any()) std::memcpy(&v4.sin_addr, endpoint.ip.bytes().data() + 12, 4);
    std::memcpy(&address.storage, &v4, address.size = sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    std::memcpy(&v6.sin6_addr, endpoint.ip.bytes().data(), 16);
    std::memcpy(&address.storage, &v6, address.size = sizeof v6);
  }
  return address;
}

// 0, or the errno of what failed.
int bind_family(const Endpoint& endpoint, int family, int type, PrepareSocket prepare, Fd& result) {
  Fd fd(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return errno;
  const bool wildcard = endpoint.ip.is_any();
  if (family == AF_INET6 &&
      !set_socket_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, wildcard ? 0 : 1)) {
    return errno;
  }
  if (!prepare(fd.get(), family, wildcard)) return errno;
  const SocketAddress address = to_socket_address(endpoint, family);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0) {
    return errno;
  }
  result = std::move(fd);
  return 0;
}

}  // namespace

bool set_socket_option(int fd, int level, int option, int value) {
  return ::setsockopt(fd, level, option, &value, sizeof value) == 0;
}

Result<Fd> bind_socket(const Endpoint& endpoint, int type, PrepareSocket prepare) {
  Fd fd;
  const bool v4_only = endpoint.ip.is_v4() && !endpoint.ip.is_any();
  int error = bind_family(endpoint, v4_only ? AF_INET : AF_INET6, type, prepare, fd);
  const bool no_ipv6 = error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
  if (no_ipv6 && endpoint.ip.is_any()) {
    error = bind_family(endpoint, AF_INET, type, prepare, fd);
  }
  if (error == 0) return fd;
  const std::string where = to_string(endpoint.ip) + "@" + std::to_string(endpoint.port);
  return tl::make_unexpected(system_error("listen on", where, error));
}

Result<Fd> connect_socket(const Endpoint& endpoint) {
  const int family = endpoint.ip.is_v4() ? AF_INET : AF_INET6;
  const auto failed = [&] {
    const int error = errno;
    return tl::make_unexpected(system_error(
        "connect to", to_string(endpoint.ip) + "@" + std::to_string(endpoint.port), error));
  };
  Fd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failed();
  const SocketAddress address = to_socket_address(endpoint, family);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0 &&
      errno != EINPROGRESS) {
    return failed();
  }
  return fd;
}

std::optional<Ip> from_socket_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof v4);
    return Ip::from_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address.sa_family != AF_INET6) return std::nullopt;
  std::array<std::uint8_t, 16> bytes;
  std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, 16);
  return Ip(bytes);
}

Endpoint to_endpoint(const sockaddr& address) {
  const std::optional<Ip> ip = from_socket_address(address);
  if (!ip) return {};
  // sin_port and sin6_port lie in the same place.
  return {*ip, ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port)};
}

std::vector<Ip> own_addresses() {
  std::vector<Ip> addresses;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return addresses;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || addresses.size() == kMaxOwnAddresses) continue;
    if (const auto ip = from_socket_address(*at->ifa_addr)) addresses.push_back(*ip);
  }
  ::freeifaddrs(list);
  return addresses;
}

}  // namespace grey
