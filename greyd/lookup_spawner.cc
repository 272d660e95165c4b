#include "greyd/lookup_spawner.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <utility>

#include "greyd/few_descriptors.h"
#include "greyd/privileges.h"
#include "greyd/sandbox/capabilities.h"
#include "greyd/spf/messages.h"

namespace grey {
namespace {

constexpr const char* kProgram = "qmail-greyd-lookup";
constexpr const char* kName = "greyd-spawner";  // as ps(1) shows it
constexpr int kSocket = 3,
              kProgramFd = 4;  // descriptors in the spawner; of these the helper has the first
// Milliseconds before it is started anew: the longer the sooner it has died, several times in turn.
constexpr int kLeastPause = 100, kMostPause = 30'000;
constexpr int kGoodLife = 10'000;  // milliseconds: who has lived as long is no such
constexpr int kCannotExec = 127;

std::int64_t milliseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

// Beside the daemon's program, as built, or where it is installed from there.
Result<Fd> find_program() {
  if (has_few_descriptors()) return failure(few_descriptors_text());
  std::error_code error;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return tl::make_unexpected(system_error("read", "/proc/self/exe", error.value()));
  const auto directory = own.parent_path();
  for (const char* place : {".", "../libexec"}) {
    const auto path = directory / place / kProgram;
    Fd program(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (program) return program;
  }
  return failure(std::string(kProgram) + " is neither in " + directory.string() + " nor in " +
                 (directory / "../libexec").lexically_normal().string());
}

// ---- in the spawner: async-signal-safe calls would do, but it is a process of one thread --------

// The daemon's own limit of memory (softlimit -m) is by its records, and no measure for another
// program, which sets itself a narrow one.
void lift_memory_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_AS, &limit);
}

[[noreturn]] void become_helper(const std::string& resolver, bool sandboxed) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  lift_memory_limit();
  ::dup2(::open("/dev/null", O_RDWR | O_CLOEXEC), STDIN_FILENO);
  char name[] = "qmail-greyd-lookup";
  std::string server = resolver;
  char on[] = "on", off[] = "off";
  char* const arguments[] = {name, server.data(), sandboxed ? on : off, nullptr};
  char* const environment[] = {nullptr};
  ::syscall(SYS_execveat, kProgramFd, "", arguments, environment, AT_EMPTY_PATH);
  ::_exit(kCannotExec);
}

void tell_death(int status) {
  const std::string text = spf::to_text(spf::HelperDied{status});
  ::send(kSocket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

// Waits so long, or until a child has ended; false: the daemon has.
bool wait_for_daemon(int children, int milliseconds) {
  pollfd fds[] = {{kSocket, 0, 0}, {children, POLLIN, 0}};
  ::poll(fds, children >= 0 ? 2 : 1, milliseconds);
  return (fds[0].revents & (POLLHUP | POLLERR)) == 0;
}

// Its exit status; nothing: the daemon has ended.
bool await_end(pid_t helper, int children, int& status) {
  for (;;) {
    if (::waitpid(helper, &status, WNOHANG) == helper) return true;
    if (!wait_for_daemon(children, -1)) return false;
    signalfd_siginfo information;
    (void)!::read(children, &information, sizeof information);
  }
}

[[noreturn]] void spawn_for_ever(const std::string& resolver, bool sandboxed) {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &child, nullptr);
  const int children = ::signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
  int pause = kLeastPause;
  while (children >= 0) {
    const std::int64_t since = milliseconds();
    const pid_t helper = ::fork();
    if (helper == 0) become_helper(resolver, sandboxed);
    int status = kCannotExec << 8;
    if (helper > 0 && !await_end(helper, children, status)) {
      ::kill(helper, SIGKILL);
      break;
    }
    tell_death(status);
    pause = milliseconds() - since >= kGoodLife ? kLeastPause : std::min(2 * pause, kMostPause);
    if (!wait_for_daemon(-1, pause)) break;
  }
  ::_exit(0);
}

[[noreturn]] void become_spawner(const Options& options, int socket, int program) {
  std::signal(SIGCHLD, SIG_DFL);
  ::prctl(PR_SET_NAME, kName);
  // To their places by way of others that are free for sure.
  const int high_socket = ::fcntl(socket, F_DUPFD_CLOEXEC, 10);
  const int high_program = ::fcntl(program, F_DUPFD_CLOEXEC, 10);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, fd);
  if (::dup2(high_socket, kSocket) < 0 || ::dup3(high_program, kProgramFd, O_CLOEXEC) < 0)
    ::_exit(1);
  if (::syscall(SYS_close_range, kProgramFd + 1, ~0u, 0) != 0) {
    for (int fd = kProgramFd + 1; fd < ::sysconf(_SC_OPEN_MAX); ++fd) ::close(fd);
  }
  if (!drop_privileges(options.user) || !sandbox::give_up_capabilities()) ::_exit(1);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  spawn_for_ever(options.resolver, options.sandbox == SandboxUse::on);
}

}  // namespace

namespace {

// Until the spawner has none of the daemon's descriptors any more, as its end of this pipe is one:
// a daemon that is killed at once, and started again, would find its port in use.
void await_closed(int pipe) {
  constexpr int kPatience = 5000;  // milliseconds
  pollfd fd{pipe, 0, 0};
  while (::poll(&fd, 1, kPatience) < 0 && errno == EINTR) continue;
}

}  // namespace

std::string lack_of_look_ups(const Options& options) {
  if (!options.look_ups) return {};
  const auto program = find_program();
  return program ? std::string() : program.error().text;
}

LookupSpawner start_lookup_spawner(const Options& options) {
  if (!options.look_ups) return {};
  auto program = find_program();
  if (!program) return {Fd(), program.error().text};
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    return {Fd(), system_error("make", "a socket", errno).text};
  }
  Fd own(sockets[0]), other(sockets[1]);
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return {Fd(), system_error("make", "a pipe", errno).text};
  const Fd closed(pipe[0]);
  Fd held(pipe[1]);
  std::signal(SIGCHLD, SIG_IGN);
  const pid_t spawner = ::fork();
  if (spawner < 0) return {Fd(), system_error("start", "a process", errno).text};
  if (spawner == 0) become_spawner(options, other.get(), program->get());
  held = Fd();
  await_closed(closed.get());
  ::fcntl(own.get(), F_SETFL, O_NONBLOCK);
  return {std::move(own), {}};
}

}  // namespace grey
