#include "greyd/sandbox/system_calls.h"

#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>
#include <type_traits>

#include "greyd/sandbox/build.h"

namespace grey::sandbox {
namespace {

// By name, as not every architecture has all. What a C library may use for a thing in place of what
// it uses today is here, too.
constexpr const char* kPlain[] = {
    // files: which ones is Landlock's business; memfd_create is the copy that a cdb is read from
    "access", "close", "close_range", "dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64",
    "fadvise64_64", "fallocate", "fchdir", "fchmod", "fcntl", "fcntl64", "fdatasync", "flock",
    "fstat", "fstat64", "fstatat64", "fstatfs", "fstatfs64", "fsync", "ftruncate", "ftruncate64",
    "getcwd", "getdents", "getdents64", "link", "linkat", "lseek", "_llseek", "lstat", "lstat64",
    "memfd_create", "newfstatat", "open", "openat", "pread64", "preadv", "preadv2", "pwrite64",
    "pwritev", "pwritev2", "read", "readlink", "readlinkat", "readv", "rename", "renameat",
    "renameat2", "stat", "stat64", "statx", "sync_file_range", "umask", "unlink", "unlinkat",
    "write", "writev",
    // memory
    "brk", "madvise", "mremap", "munmap",
    // threads and signals
    "exit", "exit_group", "futex", "futex_time64", "get_robust_list", "membarrier",
    "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn",
    "rt_sigtimedwait", "sched_getaffinity", "sched_yield", "set_robust_list", "set_tid_address",
    "sigaltstack", "sigreturn",
    // time, and who we are
    "clock_getres", "clock_getres_time64", "clock_gettime", "clock_gettime64", "clock_nanosleep",
    "clock_nanosleep_time64", "getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32",
    "getpid", "getppid", "getrandom", "getrusage", "gettid", "gettimeofday", "getuid", "getuid32",
    "nanosleep", "sysinfo", "time", "times", "uname",
    // events
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
    "eventfd2", "pipe", "pipe2", "poll", "ppoll", "ppoll_time64", "pselect6", "pselect6_time64",
    "select", "_newselect", "timerfd_create", "timerfd_gettime", "timerfd_settime",
    // sockets that are open; connect(2) is for a notification socket whose listener is another now
    "accept", "accept4", "connect", "getpeername", "getsockname", "getsockopt", "recv", "recvfrom",
    "recvmmsg", "recvmmsg_time64", "recvmsg", "send", "sendmmsg", "sendmsg", "sendto", "setsockopt",
    "shutdown"};

// What a sanitizer needs besides.
constexpr const char* kSanitizers[] = {
    "clone",  "getpriority", "gettid",    "mincore",   "prctl",      "process_vm_readv",
    "ptrace", "wait4",       "kill",      "tgkill",    "mprotect",   "mmap",
    "mmap2",  "ioctl",       "getrlimit", "prlimit64", "personality"};

// The rules as they are collected; the first error is kept.
class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ERRNO(EPERM))) {
    if (context_ == nullptr) {
      error_ = ENOMEM;
      return;
    }
    keep(seccomp_attr_set(context_, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM)));
    // A search, and not one call after the other. Older libraries do not have it.
    (void)!seccomp_attr_set(context_, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;
  ~Filter() {
    if (context_ != nullptr) seccomp_release(context_);
  }

  template <typename... Where>
  void allow(const char* name, Where... where) {
    add(SCMP_ACT_ALLOW, name, where...);
  }
  void deny(const char* name, int error) { add(SCMP_ACT_ERRNO(std::uint32_t(error)), name); }

  // 0 or an errno.
  int load() {
    if (error_ != 0) return error_;
    errno = 0;
    const int result = seccomp_load(context_);
    // The library has one number for all that the kernel may say.
    if (result < 0) error_ = errno != 0 ? errno : -result;
    return error_;
  }

 private:
  void keep(int result) {
    if (error_ == 0 && result < 0) error_ = -result;
  }

  template <typename... Where>
  void add(std::uint32_t action, const char* name, Where... where) {
    const int call = seccomp_syscall_resolve_name(name);
    // None of this architecture, or one that its library is too old for.
    if (error_ != 0 || call == __NR_SCMP_ERROR) return;
    keep(seccomp_rule_add(context_, action, call, sizeof...(where), where...));
  }

  scmp_filter_ctx context_;
  int error_ = 0;
};

scmp_arg_cmp without(unsigned index, std::uint64_t bits) {
  return SCMP_CMP(index, SCMP_CMP_MASKED_EQ, bits, 0);
}
scmp_arg_cmp with(unsigned index, std::uint64_t bits) {
  return SCMP_CMP(index, SCMP_CMP_MASKED_EQ, bits, bits);
}
scmp_arg_cmp equal(unsigned index, std::uint64_t value) {
  return SCMP_CMP(index, SCMP_CMP_EQ, value);
}

void allow_memory(Filter& filter, const Needs& needs) {
  for (const char* call : {"mmap", "mmap2", "mprotect"}) {
    if (needs.loads_resolvers) {
      filter.allow(call);
    } else {
      filter.allow(call, without(2, PROT_EXEC));
    }
  }
}

void allow_threads(Filter& filter) {
  // A thread, and no process.
  filter.allow("clone", with(0, CLONE_THREAD | CLONE_VM | CLONE_SIGHAND));
  filter.allow("prctl", equal(0, PR_SET_NAME));
  // abort(3)
  filter.allow("tgkill", equal(0, std::uint64_t(::getpid())));
  // Its own limits: higher than it may it cannot set them.
  filter.allow("prlimit64", equal(0, 0));
  for (const char* call : {"getrlimit", "ugetrlimit", "setrlimit"}) filter.allow(call);
}

void allow_sockets(Filter& filter, const Needs& needs) {
  constexpr std::uint64_t kFlags = SOCK_NONBLOCK | SOCK_CLOEXEC;
  const auto allow = [&filter](int family, int type) {
    filter.allow("socket", equal(0, std::uint64_t(family)),
                 SCMP_CMP(1, SCMP_CMP_MASKED_EQ, ~kFlags & 0xffffffff, std::uint64_t(type)));
  };
  if (needs.connects_locally || needs.loads_resolvers) allow(AF_UNIX, SOCK_STREAM);
  if (!needs.connects_out && !needs.asks_dns) return;
  for (const int family : {AF_INET, AF_INET6}) {
    allow(family, SOCK_STREAM);
    if (needs.loads_resolvers || needs.asks_dns) allow(family, SOCK_DGRAM);
  }
  // A query of its own port each, which nobody guesses. Landlock has none of TCP bound.
  if (needs.asks_dns) filter.allow("bind");
}

}  // namespace

Result<void> restrict_system_calls(const Needs& needs) {
  Filter filter;
  for (const char* call : kPlain) filter.allow(call);
  if (kSanitized) {
    for (const char* call : kSanitizers) filter.allow(call);
  } else {
    allow_memory(filter, needs);
    allow_threads(filter);
    for (const unsigned long request : {FIONBIO, FIONREAD, TCGETS}) {
      filter.allow("ioctl", equal(1, request));
    }
  }
  // What it is asked for cannot be seen from here; a C library that does not have it uses clone(2).
  filter.deny("clone3", ENOSYS);
  allow_sockets(filter, needs);
  if (const int error = filter.load()) {
    return tl::make_unexpected(system_error("give up", "system calls (seccomp)", error));
  }
  return {};
}

}  // namespace grey::sandbox
