// The system's socket addresses, to and from ours.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <vector>

#include "greyd/base/error.h"
#include "greyd/base/files.h"
#include "greyd/wire/endpoint.h"

namespace grey {

// The address in it, when it is an IPv4 or IPv6 one.
std::optional<Ip> from_socket_address(const sockaddr& address);

// The same with its port; 127.0.0.1@1999 when it is neither.
Endpoint to_endpoint(const sockaddr& address);

// A non-blocking socket of `type` (SOCK_DGRAM, SOCK_STREAM) bound to the endpoint. For a wildcard
// (ip is ::) it takes IPv4 and IPv6, or IPv4 alone where the system has no IPv6. `prepare` sets
// options before the bind, and returns false with errno set when one is refused.
using PrepareSocket = bool (*)(int fd, int family, bool wildcard);
Result<Fd> bind_socket(const Endpoint& endpoint, int type, PrepareSocket prepare);

// A non-blocking stream socket whose connection to the endpoint has been begun. It is made, or has
// failed, when the socket can be written to: SO_ERROR says.
Result<Fd> connect_socket(const Endpoint& endpoint);

// setsockopt(2) of an int; false when the system refuses.
bool set_socket_option(int fd, int level, int option, int value = 1);

// The addresses of this host's interfaces; of more than so many the first, as a socket filter for
// them has a bound.
constexpr std::size_t kMaxOwnAddresses = 400;
std::vector<Ip> own_addresses();

}  // namespace grey
