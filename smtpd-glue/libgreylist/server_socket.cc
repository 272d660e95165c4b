#include "smtpd-glue/libgreylist/server_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

namespace grey::glue {

// At this time, and with a nonce that nobody else has. Where the system has no random octets it is
// new all the same, which is all that it has to be.
Signing new_signing(const wire::Key& key) {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  Signing signing{key, std::uint32_t(now.tv_sec), {}};
  if (getrandom(signing.nonce.data(), signing.nonce.size(), GRND_NONBLOCK) ==
      ssize_t(signing.nonce.size())) {
    return signing;
  }
  const std::uint64_t unique = std::uint64_t(getpid()) << 32 ^ std::uint64_t(now.tv_nsec);
  memcpy(signing.nonce.data(), &unique, sizeof unique);
  return signing;
}

wire::Key key_of(const greylist_key& of) {
  wire::Key key;
  while (key.name_size < wire::kMaxKeyId && of.id[key.name_size] != '\0') ++key.name_size;
  memcpy(key.name.data(), of.id, key.name_size);
  memcpy(key.secret.data(), of.secret, key.secret.size());
  return key;
}

namespace {

// Not one of the standard descriptors: where those are closed, others write to them, a log say.
int open_socket(int family) {
  const int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || fd > STDERR_FILENO) return fd;
  const int above = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const int why = errno;
  close(fd);
  errno = why;
  return above;
}

}  // namespace

int connect_to(const Endpoint& server) {
  const bool v4 = server.ip.is_v4();
  const auto& bytes = server.ip.bytes();
  const int fd = open_socket(v4 ? AF_INET : AF_INET6);
  if (fd < 0) return -1;
  int connected;
  if (v4) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port);
    memcpy(&address.sin_addr, bytes.data() + 12, 4);
    connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } else {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(server.port);
    memcpy(&address.sin6_addr, bytes.data(), 16);
    connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  if (connected == 0) return fd;
  const int why = errno;
  close(fd);
  errno = why;
  return -1;
}

}  // namespace grey::glue
