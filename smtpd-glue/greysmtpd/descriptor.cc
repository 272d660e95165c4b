#include "smtpd-glue/greysmtpd/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace grey::smtp {

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

// A socket is read without waiting, as poll(2) may have given a false alarm; it does not matter for
// anything else.
ssize_t read_once(int fd, char* buffer, std::size_t size) {
  const ssize_t got = recv(fd, buffer, size, MSG_DONTWAIT);
  return got < 0 && errno == ENOTSOCK ? read(fd, buffer, size) : got;
}

// A pipe that poll(2) calls writable takes PIPE_BUF octets without waiting.
ssize_t write_once(int fd, std::string_view bytes) {
  const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0 || errno != ENOTSOCK) return sent;
  return write(fd, bytes.data(), std::min(bytes.size(), std::size_t(PIPE_BUF)));
}

}  // namespace grey::smtp
