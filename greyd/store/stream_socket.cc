#include "greyd/store/stream_socket.h"

#include <sys/socket.h>

#include <cerrno>

namespace grey {
namespace {

constexpr std::size_t kKeptBuffer = 256 << 10;  // octets of memory that an empty one keeps

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

int StreamSocket::connect_error() const {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

int StreamSocket::send() {
  int error = 0;
  while (sent_ < unsent_.size() && error == 0) {
    const ssize_t size =
        ::send(fd_.get(), unsent_.data() + sent_, unsent_.size() - sent_, MSG_NOSIGNAL);
    if (size >= 0) {
      sent_ += std::size_t(size);
    } else if (would_block(errno)) {
      // What a peer is slow to take does not grow by what it has taken.
      unsent_.erase(0, std::exchange(sent_, 0));
      return EAGAIN;
    } else if (errno != EINTR) {
      error = errno == ECONNRESET ? EPIPE : errno;
    }
  }
  unsent_.clear();
  sent_ = 0;
  if (unsent_.capacity() > kKeptBuffer) unsent_.shrink_to_fit();
  return error;
}

ssize_t StreamSocket::receive(std::span<char> buffer) const {
  for (;;) {
    const ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (size >= 0 || errno != EINTR) return size;
  }
}

}  // namespace grey
