#include "smtpd-glue/greysmtpd/give_up.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GREY_SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define GREY_SANITIZED 1
#endif

namespace grey::smtp {
namespace {

// Of the kernel's interface, for which musl has no headers: linux/filter.h, seccomp.h, audit.h,
// landlock.h, capability.h.
struct Instruction {
  uint16_t code;
  uint8_t if_true, if_false;
  uint32_t value;
};
struct Program {
  uint16_t size;
  const Instruction* instructions;
};
constexpr uint16_t kLoad = 0x20, kJumpIfEqual = 0x15, kAnd = 0x54, kReturn = 0x06;
constexpr uint32_t kAllow = 0x7fff0000, kEperm = 0x00050000 | 1;
constexpr uint32_t kExecutable = 4;                                        // PROT_EXEC
constexpr uint32_t kNumberAt = 0, kArchitectureAt = 4, kArgumentsAt = 16;  // of struct seccomp_data

constexpr uint16_t at_argument(int index) {
  return uint16_t(kArgumentsAt + 8 * unsigned(index));
}

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = 0xc000003e;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = 0xc00000b7;
#else
constexpr uint32_t kArchitecture = 0;  // no filter: its numbers are not known here
#endif

// Allowed whatever their arguments.
constexpr uint32_t kSession[] = {
    SYS_ppoll,          SYS_recvfrom,        SYS_sendto,      SYS_read,
    SYS_write,          SYS_recvmsg,         SYS_sendmsg,     SYS_clock_gettime,
    SYS_writev,         SYS_readv,           SYS_connect,     SYS_setsockopt,
    SYS_getsockopt,     SYS_getsockname,     SYS_getpeername, SYS_shutdown,
    SYS_close,          SYS_fcntl,           SYS_wait4,       SYS_brk,
    SYS_munmap,         SYS_mremap,          SYS_madvise,     SYS_getrandom,
    SYS_futex,          SYS_getpid,          SYS_gettid,      SYS_rt_sigaction,
    SYS_rt_sigprocmask, SYS_rt_sigreturn,    SYS_nanosleep,   SYS_clock_nanosleep,
    SYS_gettimeofday,   SYS_restart_syscall, SYS_exit,        SYS_exit_group,
#if defined(SYS_poll)
    SYS_poll,
#endif
};
constexpr unsigned kPlain = sizeof kSession / sizeof *kSession;
constexpr unsigned kMost = 4 + 2 * kPlain + 2 * 6 + 9;

class Filter {
 public:
  Filter() {
    add({kLoad, 0, 0, kArchitectureAt});
    add({kJumpIfEqual, 1, 0, kArchitecture});
    add({kReturn, 0, 0, kEperm});
    add({kLoad, 0, 0, kNumberAt});
    for (const uint32_t call : kSession) {
      add({kJumpIfEqual, 0, 1, call});
      add({kReturn, 0, 0, kAllow});
    }
    // Memory that holds no code.
    constexpr uint32_t kMemory[] = {SYS_mmap, SYS_mprotect};
    for (const uint32_t call : kMemory) {
      add({kJumpIfEqual, 0, 5, call});
      add({kLoad, 0, 0, at_argument(2)});
      add({kAnd, 0, 0, kExecutable});
      add({kJumpIfEqual, 0, 1, 0});
      add({kReturn, 0, 0, kAllow});
      add({kReturn, 0, 0, kEperm});
    }
    // A UDP socket of either family: its type less SOCK_NONBLOCK and SOCK_CLOEXEC.
    add({kJumpIfEqual, 0, 6, SYS_socket});
    add({kLoad, 0, 0, at_argument(1)});
    add({kAnd, 0, 0, ~uint32_t(SOCK_NONBLOCK | SOCK_CLOEXEC)});
    add({kJumpIfEqual, 0, 3, SOCK_DGRAM});
    add({kLoad, 0, 0, at_argument(0)});
    add({kJumpIfEqual, 2, 0, AF_INET});
    add({kJumpIfEqual, 1, 0, AF_INET6});
    add({kReturn, 0, 0, kEperm});
    add({kReturn, 0, 0, kAllow});
  }
  Program program() const { return {uint16_t(size_), instructions_}; }

 private:
  void add(const Instruction& instruction) { instructions_[size_++] = instruction; }

  Instruction instructions_[kMost];
  unsigned size_ = 0;
};

}  // namespace

void give_up_all_but_the_session() {
  // A process of no privilege, say, that may not: then there is nothing to give up either.
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return;
  const struct {
    uint32_t version;
    int process;
  } header = {0x20080522, 0};
  const uint32_t none[6] = {};
  syscall(SYS_capset, &header, none);
#ifndef GREY_SANITIZED
  // What the first version of Landlock knows, and no exception; of later ones TCP, too.
  constexpr long kCreate = 444, kRestrict = 446;
  constexpr uint64_t kAllFiles = (uint64_t{1} << 13) - 1, kAllTcp = 3;
  const uint64_t all[2] = {kAllFiles, kAllTcp};
  long rules = syscall(kCreate, all, sizeof all, 0);
  if (rules < 0) rules = syscall(kCreate, all, sizeof *all, 0);
  if (rules >= 0) {
    syscall(kRestrict, rules, 0);
    close(int(rules));
  }
  const Filter filter;
  const Program program = filter.program();
  constexpr long kFilterMode = 2;
  if (kArchitecture != 0) prctl(PR_SET_SECCOMP, kFilterMode, &program, 0, 0);
#endif
}

}  // namespace grey::smtp
