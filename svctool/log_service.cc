#include "svctool/log_service.h"

#include <poll.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>

#include "svctool/accounts.h"
#include "svctool/service_dir.h"
#include "svctool/service_files.h"
#include "svctool/supervision.h"

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
    findings.differs.push_back(log + "/variables/LOGUSER: user " + user + " does not exist");
  }
  std::string last;
  for (const Access& access : log_accesses(directory, user)) {
    const std::string denied = try_access(access, accounts);
    // A directory that is out of reach is so for each file in it.
    if (!denied.empty() && denied != last) findings.differs.push_back(denied);
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
  struct stat process {};
  if (::geteuid() != 0 || user.empty()) return {};
  if (::stat(("/proc/" + std::to_string(pid)).c_str(), &process) != 0) return {};
  const struct passwd* wanted = ::getpwnam(user.c_str());
  if (wanted == nullptr || wanted->pw_uid == process.st_uid) return {};
  const struct passwd* present = ::getpwuid(process.st_uid);
  return present ? present->pw_name : std::to_string(process.st_uid);
}

}  // namespace

void judge_log_service(const Suite& suite, const std::string& service, Findings& findings) {
  const std::string log = service + "/log";
  // Who has taken it away has another way of his own.
  if (is_systemd(suite) || !exists(log + "/run")) return;
  judge_access(log, findings);
  if (is_supervision_hidden(log)) return;
  if (!is_supervised(log)) {
    findings.differs.push_back(log + ": no supervise runs here");
    return;
  }
  LogObservation seen = observe_log(suite, log);
  if (seen.steady) seen.other_user = other_user(seen.state->pid, read_variable(log, "LOGUSER"));
  judge_log(seen, log, start_command(suite, log), findings);
}

}  // namespace grey::svctool
