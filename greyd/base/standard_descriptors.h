// What every program here does first.
#pragma once

#include <fcntl.h>
#include <unistd.h>

namespace grey {

// Opens /dev/null on those of the descriptors 0 to 2 that are closed. Else the first file that is
// opened becomes standard error, and log lines go into it. False when that cannot be done.
// Libc only: it is shared with programs that have no C++ runtime.
inline bool open_standard_descriptors() {
  for (;;) {
    const int fd = ::open("/dev/null", O_RDWR);
    if (fd < 0) return false;
    if (fd <= 2) continue;
    ::close(fd);
    return true;
  }
}

}  // namespace grey
