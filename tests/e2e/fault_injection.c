/* Preloaded into the daemon by fault_test.pl: makes chosen system calls fail while a file says so.
 *
 * FAULT_FILE names the file. While it exists, its one line is "CALL ERRNO PATH": calls of CALL
 * (write, fsync, fdatasync, rename, open, ftruncate) whose file's path contains PATH, or ends so
 * when PATH ends with $, fail with that error number; ERRNO 0 for write: half of the data is
 * written, and the next write fails with ENOSPC.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static void* real(const char* name) {
  return dlsym(RTLD_NEXT, name);
}

static int matches(const char* path, char* part) {
  const size_t size = strlen(part);
  if (size == 0 || part[size - 1] != '$') return strstr(path, part) != NULL;
  part[size - 1] = '\0';
  return strlen(path) >= size - 1 && strcmp(path + strlen(path) - (size - 1), part) == 0;
}

/* The error number for this call on this path, or -1. */
static int fault(const char* call, const char* path) {
  char line[4096];
  char wanted[32];
  char part[4000];
  int number;
  int (*real_open)(const char*, int, ...) = (int (*)(const char*, int, ...))real("open");
  const char* name = getenv("FAULT_FILE");
  const int saved = errno;
  int fd;
  ssize_t size;
  if (name == NULL || path == NULL) return -1;
  fd = real_open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    errno = saved;
    return -1;
  }
  size = read(fd, line, sizeof line - 1);
  close(fd);
  errno = saved;
  line[size > 0 ? size : 0] = '\0';
  if (sscanf(line, "%31s %d %3999s", wanted, &number, part) != 3) return -1;
  return strcmp(wanted, call) == 0 && matches(path, part) ? number : -1;
}

static const char* path_of(int fd, char* buffer, size_t size) {
  char link[64];
  ssize_t length;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  length = readlink(link, buffer, size - 1);
  if (length < 0) return NULL;
  buffer[length] = '\0';
  return buffer;
}

static int fails_on_fd(const char* call, int fd) {
  char buffer[4096];
  const int saved = errno;
  const int number = fault(call, path_of(fd, buffer, sizeof buffer));
  errno = saved;
  return number;
}

ssize_t write(int fd, const void* data, size_t size) {
  static __thread int half_written = -1; /* the descriptor whose next write fails */
  ssize_t (*real_write)(int, const void*, size_t) =
      (ssize_t(*)(int, const void*, size_t))real("write");
  const int number = fails_on_fd("write", fd);
  if (number > 0 || (number == 0 && half_written == fd)) {
    half_written = -1;
    errno = number > 0 ? number : ENOSPC;
    return -1;
  }
  if (number == 0 && size > 1) {
    half_written = fd;
    return real_write(fd, data, size / 2);
  }
  return real_write(fd, data, size);
}

#define FAIL_ON_FD(call)                       \
  int call(int fd) {                           \
    const int number = fails_on_fd(#call, fd); \
    if (number > 0) {                          \
      errno = number;                          \
      return -1;                               \
    }                                          \
    return ((int (*)(int))real(#call))(fd);    \
  }
FAIL_ON_FD(fsync)
FAIL_ON_FD(fdatasync)

int ftruncate(int fd, off_t size) {
  const int number = fails_on_fd("ftruncate", fd);
  if (number > 0) {
    errno = number;
    return -1;
  }
  return ((int (*)(int, off_t))real("ftruncate"))(fd, size);
}

int rename(const char* from, const char* to) {
  const int number = fault("rename", from);
  if (number > 0) {
    errno = number;
    return -1;
  }
  return ((int (*)(const char*, const char*))real("rename"))(from, to);
}

int open(const char* path, int flags, ...) {
  va_list arguments;
  mode_t mode;
  const int number = fault("open", path);
  va_start(arguments, flags);
  mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  if (number > 0) {
    errno = number;
    return -1;
  }
  return ((int (*)(const char*, int, ...))real("open"))(path, flags, mode);
}
