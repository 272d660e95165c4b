#include "greyd/net/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "greyd/base/trusted_directory.h"
#include "greyd/net/socket_address.h"

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

// There is no bind(2) or connect(2) relative to a directory's descriptor. While this lives, that
// directory is the process's own, and what is made has the mode that is wanted: a chmod of the path
// afterwards would follow a link that somebody has put there meanwhile.
class InDirectory {
 public:
  InDirectory(const Fd& directory, mode_t mode)
      : before_(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)),
        entered_(before_ && ::fchdir(directory.get()) == 0),
        error_(entered_ ? 0 : errno),
        mask_(::umask(0777 & ~mode)) {}
  InDirectory(const InDirectory&) = delete;
  InDirectory& operator=(const InDirectory&) = delete;
  ~InDirectory() {
    ::umask(mask_);
    if (entered_) (void)!::fchdir(before_.get());
  }
  int error() const { return error_; }

 private:
  const Fd before_;
  const bool entered_;
  const int error_;
  const mode_t mask_;
};

// Whether the name can be had in that directory: 0 when nothing has it, or a socket; or else the
// errno that says why not.
int check_name(int directory, const char* name, bool& taken) {
  struct stat file {};
  taken = ::fstatat(directory, name, &file, AT_SYMLINK_NOFOLLOW) == 0;
  if (!taken) return errno == ENOENT ? 0 : errno;
  return S_ISSOCK(file.st_mode) ? 0 : EEXIST;
}

// Where a unix socket's file is to be.
struct Place {
  Fd directory;
  std::string name;
};

tl::unexpected<Error> cannot_listen(const std::string& path, int error) {
  return tl::make_unexpected(system_error("listen on", path, error));
}

// All that can be said before anything is made there.
Result<Place> find_place(const std::string& path) {
  // Who connects has to name the whole path.
  if (path.size() >= sizeof(sockaddr_un::sun_path)) return cannot_listen(path, ENAMETOOLONG);
  auto directory = open_trusted_directory(directory_of(path));
  if (!directory) return failure("cannot listen on " + path + ": " + directory.error().text);
  Place place{std::move(*directory), path.substr(path.rfind('/') + 1)};
  bool taken = false;
  if (const int error = check_name(place.directory.get(), place.name.c_str(), taken)) {
    return cannot_listen(path, error);
  }
  return place;
}

// The next three work on a name in the process's directory.

// Removes a socket that nobody listens to. 0, or the errno that says why the name is taken.
int remove_stale(const sockaddr_un& address) {
  bool taken = false;
  const int error = check_name(AT_FDCWD, address.sun_path, taken);
  if (error != 0 || !taken) return error;
  const Fd probe = unix_socket();
  if (!probe) return errno;
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return EADDRINUSE;
  }
  // Anything but a refusal may come from a listener, one with a full queue for example.
  if (errno != ECONNREFUSED) return EADDRINUSE;
  return ::unlink(address.sun_path) == 0 || errno == ENOENT ? 0 : errno;
}

// Never follows a link: whatever has the name is an error.
int bind_name(const std::string& name, Fd& result) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  std::memcpy(address.sun_path, name.c_str(), name.size());
  if (const int error = remove_stale(address)) return error;
  Fd fd = unix_socket();
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return errno;
  }
  result = std::move(fd);
  return 0;
}

int bind_in(const Place& place, mode_t mode, Fd& result, struct stat& file) {
  const InDirectory there(place.directory, mode);
  if (there.error() != 0) return there.error();
  if (const int error = bind_name(place.name, result)) return error;
  if (::lstat(place.name.c_str(), &file) != 0) return errno;
  return S_ISSOCK(file.st_mode) ? 0 : EEXIST;  // or somebody has put another thing there
}

}  // namespace

Result<void> Listener::check_path(const std::string& path) {
  const auto place = find_place(path);
  if (!place) return tl::make_unexpected(place.error());
  return {};
}

Result<Listener> Listener::open(const ListenAddress& address, mode_t mode) {
  Listener listener{Fd()};
  if (address.path.empty()) {
    auto bound = bind_socket(address.endpoint, SOCK_STREAM, prepare_tcp);
    if (!bound) return tl::make_unexpected(bound.error());
    listener.fd_ = std::move(*bound);
  } else {
    auto place = find_place(address.path);
    if (!place) return tl::make_unexpected(place.error());
    struct stat file {};
    if (const int error = bind_in(*place, mode, listener.fd_, file)) {
      return cannot_listen(address.path, error);
    }
    listener.directory_ = std::move(place->directory);
    listener.name_ = std::move(place->name);
    listener.device_ = file.st_dev;
    listener.inode_ = file.st_ino;
  }
  if (::listen(listener.fd(), SOMAXCONN) != 0) return cannot_listen(address.path, errno);
  return listener;
}

Listener::~Listener() {
  struct stat file;
  // A moved-from listener has no descriptor, and no file.
  if (!fd_ || !is_local()) return;
  if (::fstatat(directory_.get(), name_.c_str(), &file, AT_SYMLINK_NOFOLLOW) != 0) return;
  if (file.st_dev == device_ && file.st_ino == inode_) {
    ::unlinkat(directory_.get(), name_.c_str(), 0);
  }
}

}  // namespace grey
