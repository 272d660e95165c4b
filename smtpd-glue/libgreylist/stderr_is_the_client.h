#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace grey {

// Under inetd standard error is the client's connection, unless somebody has set it aside: a line
// for the log would be one of the replies there. No log is at the end of a network connection. Libc
// only.
inline bool stderr_is_the_client() {
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  if (getsockname(STDERR_FILENO, reinterpret_cast<sockaddr*>(&own), &size) != 0) return false;
  return own.ss_family == AF_INET || own.ss_family == AF_INET6;
}

}  // namespace grey
