#include "greyd/state/state_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string_view>
#include <utility>

namespace grey {
namespace {

constexpr std::string_view kEnd = ".lock";

}  // namespace

StateLock::StateLock(const std::string& state) : state_(state), path_(state + std::string(kEnd)) {}

bool StateLock::held() const {
  return fd_ && file_id(path_) == file_id(fd_.get());
}

std::string StateLock::moved_to() const {
  if (!fd_ || held()) return {};
  std::string path(PATH_MAX, '\0');
  const std::string link = "/proc/self/fd/" + std::to_string(fd_.get());
  const ssize_t size = ::readlink(link.c_str(), path.data(), path.size());
  path.resize(std::size_t(std::max<ssize_t>(size, 0)));
  if (!path.ends_with(kEnd) || file_id(path) != file_id(fd_.get())) return {};
  path.resize(path.size() - kEnd.size());
  return path;
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
