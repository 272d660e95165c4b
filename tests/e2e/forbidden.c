/* Preloaded by sandbox_test.pl: tries, in the real process, what it must not be able to do. Does so
 * on SIGWINCH, which nobody else uses, and when the process begins a thread; a line for each try to
 * FORBIDDEN_LOG: "WHEN TRY RESULT", where RESULT is "done" or the errno's name. The log is opened
 * at the start of the program, as it could not be later.
 *
 * FORBIDDEN_AT     a directory in which anybody may read and write, with a file `theirs`
 * FORBIDDEN_OWN    the directory of the state
 * FORBIDDEN_PORT   of a TCP server of this host that has nothing to do with it
 * FORBIDDEN_CALLS  "NUMBER:ERRNO,...": these system calls fail so, where they are made by
 *                  syscall(2): a kernel that does not have them */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int log_fd = -1;
static long port;
static char theirs[4096], new_there[4096], there[4096], own_new[4096], own_other[4096];

typedef long (*syscall_function)(long, ...);

static long real_call(long number, long a, long b, long c, long d, long e, long f) {
  static syscall_function real;
  if (real == NULL) real = (syscall_function)dlsym(RTLD_NEXT, "syscall");
  return real(number, a, b, c, d, e, f);
}

long syscall(long number, ...) {
  const char* faults = getenv("FORBIDDEN_CALLS");
  long a[6];
  va_list arguments;
  int i;
  va_start(arguments, number);
  for (i = 0; i < 6; ++i) a[i] = va_arg(arguments, long);
  va_end(arguments);
  while (faults != NULL && *faults != '\0') {
    char* end;
    const long fails = strtol(faults, &end, 10);
    const long why = *end == ':' ? strtol(end + 1, &end, 10) : 0;
    if (fails == number) {
      errno = (int)why;
      return -1;
    }
    faults = *end == ',' ? end + 1 : NULL;
  }
  return real_call(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int prctl(int option, ...) {
  const char* faults = getenv("FORBIDDEN_CALLS");
  unsigned long a[4];
  va_list arguments;
  int i;
  va_start(arguments, option);
  for (i = 0; i < 4; ++i) a[i] = va_arg(arguments, unsigned long);
  va_end(arguments);
  /* The other way to seccomp(2). */
  if (option == PR_SET_SECCOMP && faults != NULL && strstr(faults, "317:") != NULL) {
    errno = (int)strtol(strstr(faults, "317:") + 4, NULL, 10);
    return -1;
  }
  return (int)real_call(SYS_prctl, option, (long)a[0], (long)a[1], (long)a[2], (long)a[3], 0);
}

static void tell(const char* when, const char* what, long result) {
  char line[200];
  const int size = snprintf(line, sizeof line, "%s %s %s\n", when, what,
                            result >= 0 ? "done" : strerrorname_np(errno));
  (void)!write(log_fd, line, (size_t)size);
}

static long closed(long fd) {
  if (fd >= 0) close((int)fd);
  return fd;
}

static void try_files(const char* when) {
  tell(when, "read-theirs", closed(open(theirs, O_RDONLY)));
  tell(when, "read-passwd", closed(open("/etc/passwd", O_RDONLY)));
  tell(when, "list-directory", closed(open(there, O_RDONLY | O_DIRECTORY)));
  tell(when, "read-memory", closed(open("/proc/self/mem", O_RDONLY)));
  tell(when, "write-theirs", closed(open(theirs, O_WRONLY)));
  tell(when, "make-file", closed(open(new_there, O_WRONLY | O_CREAT, 0600)));
  tell(when, "make-directory", mkdir(new_there, 0700));
  tell(when, "make-link", symlink("/etc/passwd", new_there));
  tell(when, "make-pipe", mkfifo(new_there, 0600));
  tell(when, "truncate", truncate(theirs, 0));
  tell(when, "chmod", chmod(theirs, 0777));
  tell(when, "chown", chown(theirs, getuid(), getgid()));
  tell(when, "chdir", chdir(there));
  (void)!chdir("/");
  tell(when, "rename", rename(theirs, new_there));
  tell(when, "remove", unlink(theirs));
  tell(when, "own-make", closed(open(own_new, O_WRONLY | O_CREAT | O_TRUNC, 0600)));
  tell(when, "own-read", closed(open(own_new, O_RDONLY)));
  tell(when, "own-rename", rename(own_new, own_other));
  tell(when, "own-rename-out", rename(own_other, new_there));
  tell(when, "own-remove", unlink(own_other));
  tell(when, "own-link", symlink("/etc/passwd", own_other));
}

static void try_sockets(const char* when) {
  struct sockaddr_in address = {0};
  const struct {
    const char* what;
    int family, type;
  } kinds[] = {
      {"socket-udp", AF_INET, SOCK_DGRAM},      {"socket-udp6", AF_INET6, SOCK_DGRAM},
      {"socket-unix", AF_UNIX, SOCK_STREAM},    {"socket-unix-datagram", AF_UNIX, SOCK_DGRAM},
      {"socket-netlink", AF_NETLINK, SOCK_RAW}, {"socket-packet", AF_PACKET, SOCK_RAW},
      {"socket-raw", AF_INET, SOCK_RAW},        {"socket-alg", 38, SOCK_SEQPACKET},
      {"socket-vsock", 40, SOCK_STREAM}};
  size_t i;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  tell(when, "socket-tcp", fd);
  address.sin_family = AF_INET;
  address.sin_port = htons((unsigned short)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  tell(when, "connect", connect(fd, (const struct sockaddr*)&address, sizeof address));
  closed(fd);
  fd = socket(AF_INET, SOCK_STREAM, 0);
  address.sin_port = 0;
  tell(when, "bind", bind(fd, (const struct sockaddr*)&address, sizeof address));
  tell(when, "listen", listen(fd, 1));
  closed(fd);
  for (i = 0; i < sizeof kinds / sizeof *kinds; ++i) {
    tell(when, kinds[i].what, closed(socket(kinds[i].family, kinds[i].type, 0)));
  }
}

static void try_processes(const char* when) {
  char* const arguments[] = {(char*)"true", NULL};
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct all[2];
  unsigned long long clone_arguments[11] = {0};
  long child = real_call(SYS_fork, 0, 0, 0, 0, 0, 0);
  void* page;
  if (child == 0) _exit(0);
  tell(when, "fork", child);
  if (child > 0) waitpid((pid_t)child, NULL, 0);
  child = real_call(SYS_clone3, (long)clone_arguments, sizeof clone_arguments, 0, 0, 0, 0);
  if (child == 0) _exit(0);
  tell(when, "clone3", child);
  if (child > 0) waitpid((pid_t)child, NULL, 0);
  child = vfork();
  if (child == 0) {
    execv("/bin/true", arguments);
    _exit(1);
  }
  tell(when, "vfork", child);
  if (child > 0) waitpid((pid_t)child, NULL, 0);
  /* Without a process of its own: an exec that is done would end this one. */
  tell(when, "exec", child > 0 ? child : execv("/bin/true", arguments));
  tell(when, "ptrace", ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
  tell(when, "kill", kill(getppid(), 0));
  tell(when, "setuid", setuid(0));
  tell(when, "setgid", setgid(0));
  tell(when, "setgroups", (long)real_call(SYS_setgroups, 0, 0, 0, 0, 0, 0));
  memset(all, 0xff, sizeof all);
  tell(when, "capset", real_call(SYS_capset, (long)&header, (long)all, 0, 0, 0, 0));
  tell(when, "keep-capabilities", prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
  tell(when, "memfd", closed(memfd_create("forbidden", 0)));
  tell(when, "bpf", real_call(SYS_bpf, 5, 0, 0, 0, 0, 0));
  tell(when, "io-uring", closed(real_call(SYS_io_uring_setup, 1, (long)all, 0, 0, 0, 0)));
  tell(when, "userfaultfd", closed(real_call(SYS_userfaultfd, 1, 0, 0, 0, 0, 0)));
  tell(when, "perf-event", closed(real_call(SYS_perf_event_open, (long)all, 0, -1, -1, 0, 0)));
  tell(when, "keyctl", real_call(SYS_keyctl, 0, -3, 0, 0, 0, 0));
  page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  tell(when, "map-code", page == MAP_FAILED ? -1 : 0);
  page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  tell(when, "make-code", mprotect(page, 4096, PROT_READ | PROT_EXEC));
  tell(when, "own-memory", page == MAP_FAILED ? -1 : 0);
  tell(when, "rename-thread", prctl(PR_SET_NAME, "qmail-greyd", 0, 0, 0));
}

static void try_root(const char* when) {
  tell(when, "mount", mount("none", there, "tmpfs", 0, ""));
  tell(when, "unshare", unshare(CLONE_NEWUSER));
  tell(when, "chroot", chroot(there));
}

static void try_all(const char* when) {
  long child;
  try_files(when);
  try_sockets(when);
  try_processes(when);
  /* In a process of its own, where there can be one: what comes of it would not be undone. */
  child = real_call(SYS_fork, 0, 0, 0, 0, 0, 0);
  if (child <= 0) try_root(when);
  if (child == 0) _exit(0);
  if (child > 0) waitpid((pid_t)child, NULL, 0);
  tell(when, "end", 0);
}

static void on_signal(int number) {
  const int saved = errno;
  (void)number;
  try_all("signal");
  errno = saved;
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*begin)(void*),
                   void* argument) {
  int (*real)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*) =
      (int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*))dlsym(RTLD_NEXT,
                                                                                 "pthread_create");
  static int threads;
  if (log_fd >= 0 && threads++ == 0) try_all("thread");
  return real(thread, attributes, begin, argument);
}

__attribute__((constructor)) static void start(void) {
  const char* const name = getenv("FORBIDDEN_LOG");
  const char* const at = getenv("FORBIDDEN_AT");
  const char* const own = getenv("FORBIDDEN_OWN");
  struct sigaction action = {0};
  if (name == NULL || at == NULL || own == NULL) return;
  port = strtol(getenv("FORBIDDEN_PORT"), NULL, 10);
  snprintf(there, sizeof there, "%s", at);
  snprintf(theirs, sizeof theirs, "%s/theirs", at);
  snprintf(new_there, sizeof new_there, "%s/new", at);
  snprintf(own_new, sizeof own_new, "%s/own.new", own);
  snprintf(own_other, sizeof own_other, "%s/own.other", own);
  log_fd = fcntl(open(name, O_WRONLY | O_CREAT | O_APPEND, 0600), F_DUPFD_CLOEXEC, 100);
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGWINCH, &action, NULL);
}
