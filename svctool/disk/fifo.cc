#include "svctool/disk/fifo.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "greyd/base/place.h"

namespace grey::svctool {

Fd open_fifo(const std::string& path) {
  const auto place = open_place(path);
  if (!place) {
    errno = place.error().number != 0 ? place.error().number : ELOOP;
    return {};
  }
  const int flags = O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC;
  Fd fd(::openat(place->directory.fd.get(), place->name.c_str(), flags));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) return {};
  if (S_ISFIFO(status.st_mode)) return fd;
  fd.reset();
  errno = ENXIO;
  return fd;
}

}  // namespace grey::svctool
