#include "svctool/daemon/address.h"

#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

namespace grey::svctool {

Address address_of(const Endpoint& endpoint) {
  Address result;
  const auto& bytes = endpoint.ip.bytes();
  if (endpoint.ip.is_v4()) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    std::copy(bytes.begin() + 12, bytes.end(), reinterpret_cast<unsigned char*>(&address.sin_addr));
    std::memcpy(&result.storage, &address, result.size = sizeof address);
    return result;
  }
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(endpoint.port);
  std::copy(bytes.begin(), bytes.end(), address.sin6_addr.s6_addr);
  std::memcpy(&result.storage, &address, result.size = sizeof address);
  return result;
}

std::optional<Address> address_of_path(const std::string& path) {
  sockaddr_un address{};
  if (path.size() >= sizeof address.sun_path) return std::nullopt;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  Address result;
  std::memcpy(&result.storage, &address, result.size = sizeof address);
  return result;
}

int connect_to(int fd, const Address& address) {
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size);
}

}  // namespace grey::svctool
