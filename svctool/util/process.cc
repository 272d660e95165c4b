#include "svctool/util/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "greyd/base/files.h"

namespace grey::svctool {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kNotThere = 127;
constexpr int kPauseMilliseconds = 5;
constexpr Clock::duration kMostBetween = std::chrono::milliseconds(50);
constexpr std::size_t kMostSaid = 4096;  // of what a program says on standard error

// In the child, up to the program itself: only async-signal-safe calls, and 127 when it is not
// there.
[[noreturn]] void exec(const Program& program, char* const* arguments, int out, int errors) {
  ::setpgid(0, 0);  // so that what it starts ends with it
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (program.processor_seconds != 0) {
    // The second is for a program that catches the signal of the first.
    const rlimit limit{program.processor_seconds, program.processor_seconds + 1};
    ::setrlimit(RLIMIT_CPU, &limit);
  }
  if (program.directory >= 0 && ::fchdir(program.directory) != 0) ::_exit(111);
  const char* input = program.input.empty() ? "/dev/null" : program.input.c_str();
  const int in = ::open(input, O_RDONLY);
  if (in < 0 || ::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(errors, 2) < 0) ::_exit(111);
  ::execvp(arguments[0], arguments);
  ::_exit(kNotThere);
}

// False at its end.
bool read_some(int fd, std::string& text) {
  char chunk[512];
  const ssize_t got = ::read(fd, chunk, sizeof chunk);
  if (got > 0) {
    text.append(chunk, std::min(std::size_t(got), kMostSaid - std::min(kMostSaid, text.size())));
  }
  return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

void kill_all(pid_t child) {
  ::kill(-child, SIGKILL);
  ::kill(child, SIGKILL);
}

std::string as_one_line(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  for (char& c : text) c = c == '\n' ? ' ' : c;
  return text;
}

// Asleep, and not for a disk: such a process waits for somebody.
bool is_idle(pid_t process) {
  const auto text = read_file("/proc/" + std::to_string(process) + "/stat");
  if (!text || !*text) return false;
  const std::size_t name_end = (*text)->rfind(") ");
  const char state = name_end == std::string::npos ? '?' : (**text)[name_end + 2];
  return state == 'S' || state == 'T' || state == 't';
}

bool has_ended(pid_t child) {
  siginfo_t state{};
  return ::waitid(P_PID, id_t(child), &state, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         state.si_pid != 0;
}

// Reads what it says until it has ended; another program that it has left behind may hold the other
// end for as long as it likes. False when it had to be killed, as it did not end in time.
bool attend(const Program& program, pid_t child, Fd said_by_it, std::string& said) {
  const auto end = Clock::now() + std::chrono::seconds(program.seconds);
  auto idle = Clock::duration::zero();
  for (auto before = Clock::now();;) {
    const bool ended = has_ended(child);
    pollfd waiting{said_by_it.get(), POLLIN, 0};
    const bool ready = ::poll(&waiting, 1, ended ? 0 : kPauseMilliseconds) > 0;
    if (ready && !read_some(said_by_it.get(), said)) said_by_it.reset();
    if (ended && (!ready || said.size() >= kMostSaid)) return true;
    if (ended) continue;
    const auto now = Clock::now();
    // How long it has slept while we did not look is not known.
    if (program.idle_seconds != 0 && is_idle(child)) idle += std::min(now - before, kMostBetween);
    before = now;
    const bool too_idle =
        program.idle_seconds != 0 && idle >= std::chrono::seconds(program.idle_seconds);
    if (now < end && !too_idle) continue;
    kill_all(child);
    return false;
  }
}

// Its standard output goes to `out`; what it says on standard error is the value.
Result<std::string> run(const Program& program, int out) {
  const std::string& name = program.arguments.front();
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return tl::make_unexpected(system_error("make a pipe for", name, errno));
  }
  Fd reading(ends[0]), writing(ends[1]);
  ::fcntl(reading.get(), F_SETFL, O_NONBLOCK);
  std::vector<char*> arguments;
  for (const std::string& argument : program.arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) return tl::make_unexpected(system_error("start", name, errno));
  if (child == 0) exec(program, arguments.data(), out, writing.get());
  writing.reset();
  std::string said;
  const bool in_time = attend(program, child, std::move(reading), said);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  // At the end of its processor time comes the first, and the second where that is ignored.
  const bool used_up = program.processor_seconds != 0 && WIFSIGNALED(status) &&
                       (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL);
  if (!in_time || used_up) {
    return failure(name + " does not come to an end and was stopped");
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return said;
  said = as_one_line(std::move(said));
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNotThere && said.empty()) {
    return failure(name + " is not in PATH");
  }
  return failure(said.empty() ? name + " failed" : said);
}

}  // namespace

Result<void> run_program(const Program& program) {
  auto heard = hear_program(program);
  return heard ? Result<void>() : tl::make_unexpected(heard.error());
}

Result<std::string> hear_program(const Program& program) {
  const Fd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (!nowhere) return tl::make_unexpected(system_error("open", "/dev/null", errno));
  return run(program, nowhere.get());
}

Result<std::string> read_program(const Program& program) {
  // A file, as a pipe would have to be read while the other one is.
  const Fd output(::memfd_create("output", MFD_CLOEXEC));
  if (!output) return tl::make_unexpected(system_error("run", program.arguments.front(), errno));
  if (auto done = run(program, output.get()); !done) return tl::make_unexpected(done.error());
  ::lseek(output.get(), 0, SEEK_SET);
  std::string text;
  char chunk[512];
  for (;;) {
    const ssize_t got = ::read(output.get(), chunk, sizeof chunk);
    if (got > 0) text.append(chunk, std::size_t(got));
    if (got == 0 || (got < 0 && errno != EINTR)) return text;
  }
}

std::optional<int> wait_until(pid_t child, Clock::time_point end) {
  int status = 0;
  for (;;) {
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) return status;
    if (ended < 0 && errno != EINTR) return 0;  // somebody else has waited for it
    if (Clock::now() >= end) break;
    ::poll(nullptr, 0, kPauseMilliseconds);
  }
  kill_all(child);
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return std::nullopt;
}

}  // namespace grey::svctool
