#include "svctool/disk/lock.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>

#include <cerrno>
#include <chrono>

#include "greyd/base/place.h"

namespace grey::svctool {
namespace {

constexpr std::chrono::seconds kWait{60};  // some dozens of others, a second each
constexpr int kPauseMilliseconds = 20;

}  // namespace

Result<Fd> lock_directory_of(const std::string& path) {
  using Clock = std::chrono::steady_clock;
  const auto place = open_place(path);
  if (!place) return Fd();  // who reads there next says why not
  const Directory& directory = place->directory;
  Fd fd(::openat(directory.fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fd;
  const auto end = Clock::now() + kWait;
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    // A file system without locks.
    if (errno != EWOULDBLOCK) return Fd();
    if (Clock::now() >= end) {
      return failure(directory.path + ": another program holds its lock for a minute now (fuser " +
                     directory.path + ")");
    }
    ::poll(nullptr, 0, kPauseMilliseconds);
  }
  return fd;
}

}  // namespace grey::svctool
