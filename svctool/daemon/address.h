// Endpoints and paths as the system wants them.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>

#include "greyd/wire/endpoint.h"

namespace grey::svctool {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Address address_of(const Endpoint& endpoint);

// Nothing for one that is too long.
std::optional<Address> address_of_path(const std::string& path);

// As connect(2).
int connect_to(int fd, const Address& address);

}  // namespace grey::svctool
