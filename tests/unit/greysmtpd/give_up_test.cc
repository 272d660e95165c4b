// What the wrapper has given up, tried in a process that has.
#include "smtpd-glue/greysmtpd/give_up.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "greyd/sandbox/build.h"

namespace {

long fork_plainly() {
  const long child = ::syscall(SYS_fork);
  if (child == 0) ::_exit(0);
  return child;
}

struct Try {
  const char* what;
  long (*attempt)();
  bool works;
};
const Try kTries[] = {
    {"read", [] { return long(::open("/etc/passwd", O_RDONLY)); }, false},
    {"write", [] { return long(::open("/tmp/give-up", O_WRONLY | O_CREAT, 0600)); }, false},
    {"exec", [] { return long(::execl("/bin/true", "true", nullptr)); }, false},
    {"fork", fork_plainly, false},
    {"ptrace", [] { return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }, false},
    {"setuid", [] { return long(::setuid(0)); }, false},
    {"kill", [] { return long(::kill(::getppid(), 0)); }, false},
    {"tcp", [] { return long(::socket(AF_INET, SOCK_STREAM, 0)); }, false},
    {"unix", [] { return long(::socket(AF_UNIX, SOCK_DGRAM, 0)); }, false},
    {"netlink", [] { return long(::socket(AF_NETLINK, SOCK_RAW, 0)); }, false},
    {"raw", [] { return long(::socket(AF_INET, SOCK_RAW, 17)); }, false},
    {"code",
     [] {
       return ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                      MAP_FAILED
                  ? -1L
                  : 0L;
     },
     false},
    {"udp", [] { return long(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)); }, true},
    {"udp of IPv6", [] { return long(::socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0)); }, true},
    {"memory",
     [] {
       return ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                      MAP_FAILED
                  ? -1L
                  : 0L;
     },
     true},
};

}  // namespace

TEST_CASE("what the wrapper does not need fails once it is given up, and what it needs works") {
  if (grey::sandbox::kSanitized) return;
  for (const Try& each : kTries) {
    CAPTURE(each.what);
    const pid_t child = ::fork();
    if (child == 0) {
      grey::smtp::give_up_all_but_the_session();
      const long result = each.attempt();
      ::_exit(result >= 0 ? 0 : errno);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == (each.works ? 0 : EPERM));
  }
}
