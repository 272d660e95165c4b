#include "greyd/policy_listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "greyd/socket_address.h"

namespace grey {
namespace {

bool prepare_tcp(int fd, int, bool) {
  // Accepted connections have it from their listener: an answer is not held back for more.
  return set_socket_option(fd, SOL_SOCKET, SO_REUSEADDR) &&
         set_socket_option(fd, IPPROTO_TCP, TCP_NODELAY);
}

Fd unix_socket() {
  return Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

// Removes a socket that nobody listens to. 0, or the errno that says why the path is taken.
int remove_stale(const sockaddr_un& address) {
  struct stat file;
  if (::lstat(address.sun_path, &file) != 0) return errno == ENOENT ? 0 : errno;
  if (!S_ISSOCK(file.st_mode)) return EEXIST;
  const Fd probe = unix_socket();
  if (!probe) return errno;
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return EADDRINUSE;
  }
  // Anything but a refusal may come from a listener, one with a full queue for example.
  if (errno != ECONNREFUSED) return EADDRINUSE;
  return ::unlink(address.sun_path) == 0 || errno == ENOENT ? 0 : errno;
}

// 0, or the errno of what failed.
int bind_path(const std::string& path, Fd& result) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  if (const int error = remove_stale(address)) return error;
  Fd fd = unix_socket();
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), PolicyListener::kMode) != 0) {
    return errno;
  }
  result = std::move(fd);
  return 0;
}

}  // namespace

Result<PolicyListener> PolicyListener::open(const PolicyAddress& address) {
  Fd fd;
  if (address.path.empty()) {
    auto bound = bind_socket(address.endpoint, SOCK_STREAM, prepare_tcp);
    if (!bound) return tl::make_unexpected(bound.error());
    fd = std::move(*bound);
  } else if (const int error = bind_path(address.path, fd)) {
    return tl::make_unexpected(system_error("listen on", address.path, error));
  }
  PolicyListener listener(std::move(fd), address.path);
  struct stat file;
  if (listener.is_local() && ::lstat(address.path.c_str(), &file) == 0) {
    listener.device_ = file.st_dev;
    listener.inode_ = file.st_ino;
  }
  if (::listen(listener.fd(), SOMAXCONN) != 0) {
    return tl::make_unexpected(system_error("listen on", address.path, errno));
  }
  return listener;
}

PolicyListener::~PolicyListener() {
  struct stat file;
  // A moved-from listener has no descriptor, and no file.
  if (!fd_ || !is_local() || ::lstat(path_.c_str(), &file) != 0) return;
  if (file.st_dev == device_ && file.st_ino == inode_) ::unlink(path_.c_str());
}

}  // namespace grey
