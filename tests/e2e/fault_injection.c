/* Preloaded into the daemon by fault_test.pl: makes chosen system calls fail while a file says so,
 * and keeps a trace of those that change files.
 *
 * FAULT_FILE names the file. While it exists, its one line is "CALL ERRNO PATH": calls of CALL
 * (write, fsync, fdatasync, rename, open, ftruncate, pread) whose file's path contains PATH, or
 * ends so when PATH ends with $, fail with that error number; ERRNO 0 for write: half of the data
 * is written, and the next write fails with ENOSPC.
 *
 * TRACE_FILE names the trace: a line for each call that succeeded, in their order.
 *   create INODE PATH      a file was opened with O_CREAT, or by mkostemp
 *   truncate INODE SIZE
 *   write INODE HEX        these octets, at its end
 *   sync INODE             fsync or fdatasync
 *   syncdir PATH
 *   rename FROM TO, link FROM TO, unlink PATH
 *   answer                 datagrams were sent
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

/* ---- the trace ---- */

/* Held from a call to its line, so that the order is that of the calls. */
static pthread_mutex_t trace_mutex = PTHREAD_MUTEX_INITIALIZER;

static int is_traced(void) {
  return getenv("TRACE_FILE") != NULL;
}
static void begin_call(void) {
  if (is_traced()) pthread_mutex_lock(&trace_mutex);
}
static void put(const char* data, size_t size) {
  static int fd = -1;
  int (*real_open)(const char*, int, ...) = (int (*)(const char*, int, ...))real("open");
  ssize_t (*real_write)(int, const void*, size_t) =
      (ssize_t(*)(int, const void*, size_t))real("write");
  if (fd < 0) fd = real_open(getenv("TRACE_FILE"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  (void)!real_write(fd, data, size);
}
/* Ends what begin_call() began; a line of `format` when the call was good. */
static void end_call(int good, const char* format, ...) {
  char line[8192];
  const int saved = errno;
  va_list arguments;
  if (!is_traced()) return;
  if (good) {
    va_start(arguments, format);
    put(line, (size_t)vsnprintf(line, sizeof line, format, arguments));
    va_end(arguments);
  }
  pthread_mutex_unlock(&trace_mutex);
  errno = saved;
}
static unsigned long inode_of(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 ? (unsigned long)status.st_ino : 0;
}
/* A file, and not a socket or a pipe. */
static int is_file(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}
static void end_write(int fd, const unsigned char* data, ssize_t size) {
  static const char kHex[] = "0123456789abcdef";
  const int saved = errno;
  ssize_t i;
  char line[64];
  char* hex;
  if (!is_traced()) return;
  if (size > 0 && (hex = malloc(2 * (size_t)size + 1)) != NULL) {
    for (i = 0; i < size; ++i) {
      hex[2 * i] = kHex[data[i] >> 4];
      hex[2 * i + 1] = kHex[data[i] & 15];
    }
    hex[2 * size] = '\n';
    put(line, (size_t)snprintf(line, sizeof line, "write %lu ", inode_of(fd)));
    put(hex, 2 * (size_t)size + 1);
    free(hex);
  }
  pthread_mutex_unlock(&trace_mutex);
  errno = saved;
}
static void end_sync(int fd, int result) {
  char buffer[4096];
  if (!is_traced()) return;
  if (is_file(fd)) {
    end_call(result == 0, "sync %lu\n", inode_of(fd));
  } else {
    const char* path = path_of(fd, buffer, sizeof buffer);
    end_call(result == 0 && path != NULL, "syncdir %s\n", path);
  }
}

/* ---- the calls ---- */

static ssize_t traced_write(int fd, const void* data, size_t size) {
  ssize_t (*real_write)(int, const void*, size_t) =
      (ssize_t(*)(int, const void*, size_t))real("write");
  ssize_t result;
  if (!is_traced() || fd <= STDERR_FILENO || !is_file(fd)) return real_write(fd, data, size);
  begin_call();
  result = real_write(fd, data, size);
  end_write(fd, data, result);
  return result;
}

ssize_t write(int fd, const void* data, size_t size) {
  static __thread int half_written = -1; /* the descriptor whose next write fails */
  const int number = fails_on_fd("write", fd);
  if (number > 0 || (number == 0 && half_written == fd)) {
    half_written = -1;
    errno = number > 0 ? number : ENOSPC;
    return -1;
  }
  if (number == 0 && size > 1) {
    half_written = fd;
    return traced_write(fd, data, size / 2);
  }
  return traced_write(fd, data, size);
}

#define FAIL_ON_FD(call)                       \
  int call(int fd) {                           \
    const int number = fails_on_fd(#call, fd); \
    int result;                                \
    if (number > 0) {                          \
      errno = number;                          \
      return -1;                               \
    }                                          \
    begin_call();                              \
    result = ((int (*)(int))real(#call))(fd);  \
    end_sync(fd, result);                      \
    return result;                             \
  }
FAIL_ON_FD(fsync)
FAIL_ON_FD(fdatasync)

/* Fails where it would read the second block of 4096 octets. */
ssize_t pread(int fd, void* data, size_t size, off_t offset) {
  const int number = offset < 8192 && offset + (off_t)size > 4096 ? fails_on_fd("pread", fd) : -1;
  if (number > 0) {
    errno = number;
    return -1;
  }
  return ((ssize_t(*)(int, void*, size_t, off_t))real("pread"))(fd, data, size, offset);
}

int ftruncate(int fd, off_t size) {
  const int number = fails_on_fd("ftruncate", fd);
  int result;
  if (number > 0) {
    errno = number;
    return -1;
  }
  begin_call();
  result = ((int (*)(int, off_t))real("ftruncate"))(fd, size);
  end_call(result == 0, "truncate %lu %ld\n", inode_of(fd), (long)size);
  return result;
}

int rename(const char* from, const char* to) {
  const int number = fault("rename", from);
  int result;
  if (number > 0) {
    errno = number;
    return -1;
  }
  begin_call();
  result = ((int (*)(const char*, const char*))real("rename"))(from, to);
  end_call(result == 0, "rename %s %s\n", from, to);
  return result;
}

int link(const char* from, const char* to) {
  int result;
  begin_call();
  result = ((int (*)(const char*, const char*))real("link"))(from, to);
  end_call(result == 0, "link %s %s\n", from, to);
  return result;
}

int unlink(const char* path) {
  int result;
  begin_call();
  result = ((int (*)(const char*))real("unlink"))(path);
  end_call(result == 0, "unlink %s\n", path);
  return result;
}

int sendmmsg(int fd, struct mmsghdr* messages, unsigned int count, int flags) {
  int result;
  begin_call();
  result = ((int (*)(int, struct mmsghdr*, unsigned int, int))real("sendmmsg"))(fd, messages, count,
                                                                                flags);
  end_call(result > 0, "answer\n");
  return result;
}

int open(const char* path, int flags, ...) {
  va_list arguments;
  mode_t mode;
  int fd;
  const int number = fault("open", path);
  va_start(arguments, flags);
  mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  if (number > 0) {
    errno = number;
    return -1;
  }
  if ((flags & O_CREAT) == 0) return ((int (*)(const char*, int, ...))real("open"))(path, flags);
  begin_call();
  fd = ((int (*)(const char*, int, ...))real("open"))(path, flags, mode);
  end_call(fd >= 0, "create %lu %s\n", inode_of(fd), path);
  if (fd >= 0 && (flags & O_TRUNC) != 0) {
    begin_call();
    end_call(1, "truncate %lu 0\n", inode_of(fd));
  }
  return fd;
}

int mkostemp(char* name, int flags) {
  const int number = fault("open", name);
  int fd;
  if (number > 0) {
    errno = number;
    return -1;
  }
  begin_call();
  fd = ((int (*)(char*, int))real("mkostemp"))(name, flags);
  end_call(fd >= 0, "create %lu %s\n", inode_of(fd), name);
  return fd;
}
