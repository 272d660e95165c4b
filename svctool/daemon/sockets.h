// Which process has a port of this host, by what the kernel tells of it in /proc.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/wire/endpoint.h"

namespace grey::svctool {

enum class Transport { udp, tcp };

// A socket that takes what comes to an address and port; of TCP one that listens.
struct PortSocket {
  std::string inode;
  uid_t user = 0;
  bool operator==(const PortSocket&) const = default;
};

// Those that have `endpoint`, or that port of every address, in the text of /proc/net/udp, udp6,
// tcp or tcp6; of every address as endpoint all that have the port. Pure.
std::vector<PortSocket> parse_socket_table(std::string_view text, Transport transport,
                                           const Endpoint& endpoint);

// Whether the process has such a socket. Nothing when only root can tell.
std::optional<bool> listens_at(pid_t pid, Transport transport, const Endpoint& endpoint);

// Who has a port. pid 0: a process that is not seen from here, which is another user's where only
// root may look, or a container's.
struct Holder {
  pid_t pid = 0;
  std::string program;
  std::string user;  // of the socket
};
std::optional<Holder> find_holder(Transport transport, const Endpoint& endpoint);

// "process 123 (qmail-greyd)", or "a program of user bind that is not seen from here"
std::string to_string(const Holder& holder);

// "127.0.0.1@1999"
std::string to_string(const Endpoint& endpoint);

}  // namespace grey::svctool
