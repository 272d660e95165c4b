#include "svctool/daemon/log_service.h"

#include <poll.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>

#include "greyd/base/place.h"
#include "svctool/daemon/judge_daemon.h"
#include "svctool/daemon/look_at.h"
#include "svctool/daemon/processes.h"
#include "svctool/daemon/supervision.h"
#include "svctool/files/accounts.h"
#include "svctool/files/compare.h"
#include "svctool/files/service_files.h"
#include "svctool/plan/service_dir.h"

namespace grey::svctool {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPauseMilliseconds = 50;
constexpr std::chrono::seconds kSeconds{10};
// One that cannot open its files ends within milliseconds, and is started again a second later.
constexpr double kSteadySeconds = 2;

// One that runs may wait, without an end, for files that it cannot write.
void judge_access(const std::string& log, Findings& findings) {
  const std::string directory = read_variable(log, "LOGDIR");
  Plan plan;
  plan.users.push_back({read_variable(log, "LOGUSER"), "loguser"});
  const std::string& user = plan.users.front().name;
  // As whoever started the supervisor, or not at all, which is said elsewhere.
  if (user.empty() || directory.empty()) return;
  const Accounts accounts = find_accounts(plan);
  if (accounts.empty()) {
    findings.wrong("user-missing", log + "/variables/LOGUSER: user " + user + " does not exist",
                   "make that user (svctool --create-users does), or name another one", user);
  }
  std::string last;
  for (const Access& access : log_accesses(directory, user)) {
    const std::string denied = try_access(access, accounts);
    // A directory that is out of reach is so for each file in it.
    if (!denied.empty() && denied != last) {
      findings.wrong("log-denied", denied, {}, access.path);
    }
    last = denied;
  }
}

// Ends as soon as it has run for a while, or is down and to stay so.
LogObservation observe_log(const Suite& suite, const std::string& log) {
  LogObservation seen;
  const auto end = Clock::now() + kSeconds;
  for (;;) {
    const auto state = service_state(suite, log);
    if (!state) return {};
    seen.state = *state;
    seen.steady = state->up && age_of(state->pid) >= kSteadySeconds;
    if (seen.steady || (!state->up && !state->wanted) || Clock::now() >= end) return seen;
    ::poll(nullptr, 0, kPauseMilliseconds);
  }
}

// Who runs the process, when that is not `user`. Only root's supervisor changes users at all.
std::string other_user(pid_t pid, const std::string& user) {
  if (::geteuid() != 0 || user.empty()) return {};
  const auto present = user_of(pid);
  const struct passwd* wanted = ::getpwnam(user.c_str());
  if (!present || wanted == nullptr || wanted->pw_uid == *present) return {};
  return user_name(*present);
}

// What `current` is when it is no file that could be written to; empty: it is one, or not there.
std::string kind_of_current(const std::string& directory) {
  struct stat status {};
  if (::stat((directory + "/current").c_str(), &status) != 0) return {};
  if (S_ISREG(status.st_mode)) return {};
  if (S_ISFIFO(status.st_mode)) return "a fifo";
  return S_ISDIR(status.st_mode) ? "a directory" : "a device or socket";
}

// Bytes in the pipe from the daemon to what writes its log, when none were taken for a while.
std::optional<std::size_t> unread_bytes(pid_t daemon) {
  constexpr int kLooks = 10;
  std::size_t least = 0;
  for (int look = 0; look < kLooks; ++look) {
    if (look > 0) ::poll(nullptr, 0, 3 * kPauseMilliseconds);
    const auto waiting = waiting_in_log_pipe(daemon);
    if (!waiting || *waiting == 0 || *waiting < least) return std::nullopt;
    least = *waiting;
  }
  return least;
}

LogPlace look_at_place(const std::string& log, pid_t writer, pid_t daemon) {
  LogPlace place;
  place.log = log;
  place.directory = read_variable(log, "LOGDIR");
  place.writer = writer;
  if (!place.directory.empty()) {
    place.current = kind_of_current(place.directory);
    place.room = room_of(place.directory);
  }
  if (daemon != 0) place.unread = unread_bytes(daemon);
  return place;
}

}  // namespace

void judge_log_service(const Suite& suite, const std::string& service, pid_t daemon,
                       Findings& findings) {
  const std::string log = service + "/log";
  // Who has taken it away has another way of his own.
  if (keeps_log(suite) || !is_there(log + "/run")) return;
  judge_access(log, findings);
  bool runs = true;
  pid_t writer = 0;
  if (!is_supervision_hidden(log) && !is_supervised(log)) {
    // Of one that has not been started at all it is the daemon's part that says why.
    if (is_supervised(service)) {
      findings.wrong("log-not-supervised", log + ": no supervise runs here",
                     "see that " + service + " has its sticky bit (mode 1755), without which " +
                         std::string(suite.scanner) + " does not start log/",
                     log);
    }
    runs = false;
  } else if (!is_supervision_hidden(log)) {
    const auto before = findings.list.size();
    LogObservation seen = observe_log(suite, log);
    if (seen.steady) seen.other_user = other_user(seen.state->pid, read_variable(log, "LOGUSER"));
    judge_log(seen, log, start_command(suite, log), findings);
    if (seen.state && seen.state->up) writer = seen.state->pid;
    runs = findings.list.size() == before;
  }
  judge_log_place(look_at_place(log, writer, runs ? daemon : 0), !runs, findings);
}

}  // namespace grey::svctool
