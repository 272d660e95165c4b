#include "greyd/state/state_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <utility>

namespace grey {

bool StateLock::held() const {
  return fd_ && file_id(path_) == file_id(fd_.get());
}

Result<void> StateLock::hold() {
  refused_ = false;
  constexpr int kFlags = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  // Again when its name went to another file between the two calls.
  for (int attempt = 0; attempt < 3 && !held(); ++attempt) {
    Fd fd(::open(path_.c_str(), O_RDWR | O_CREAT | kFlags, 0600));
    int error = fd ? 0 : errno;
    // On a file system that is read-only now, to lock what is there takes no more than reading.
    if (!fd) fd = Fd(::open(path_.c_str(), O_RDONLY | kFlags));
    if (!fd) {
      refused_ = file_id(path_).has_value() && error == EACCES;
      return tl::make_unexpected(system_error("open", path_, error));
    }
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      error = errno;
      refused_ = error == EWOULDBLOCK;
      if (refused_) return failure("context file " + state_ + " is in use by another daemon");
      return tl::make_unexpected(system_error("lock", path_, error));
    }
    fd_ = std::move(fd);
  }
  return {};
}

}  // namespace grey
