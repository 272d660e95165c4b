#include "svctool/verbs/after_change.h"

#include <unistd.h>

#include <algorithm>

#include "svctool/daemon/find_supervisor.h"
#include "svctool/daemon/service_state.h"
#include "svctool/daemon/supervision.h"
#include "svctool/util/output.h"
#include "svctool/util/shell_quote.h"

namespace grey::svctool {
namespace {

bool has_changed(const Applied& applied, std::string_view path) {
  return std::ranges::any_of(applied.paths, [&](const TargetPath& other) { return other == path; });
}

// One that has no scanner: it is told of the service itself.
Result<void> register_service(const Suite& suite, const std::string& service, bool start,
                              const Applied& applied) {
  if (!runs_here(suite)) {
    if (start) {
      say(std::string(suite.name) +
          " does not run here; when it does: " + command(suite, suite.install, service));
    }
    return {};
  }
  if (!has_changed(applied, own_file_of(suite, service))) return {};
  if (auto told = reread_own_files(suite); !told) return told;
  if (!start) return {};
  auto started = run_words(suite.install, suite.known_as(service));
  if (started) return {};
  // It is installed, and what keeps the daemon from answering may be about to end: another one.
  const auto state = service_state(suite, service);
  if (!state || !state->wanted) return started;
  warn(service + ": the daemon does not answer yet, and is started again and again; why: " +
       "svctool --check --service=" + shell_quote(service));
  return {};
}

}  // namespace

bool may_run(const std::string& service) {
  return is_supervised(service) || is_supervision_hidden(service);
}

void advise_restart(const Applied& applied, const Suite& suite, const TargetPath& target) {
  const std::string service = Destdir().at(target);
  if (applied.new_service || applied.paths.empty()) return;
  if (has_scanner(suite) && !may_run(service)) return;
  bool daemon = false, log = false;
  for (const TargetPath& path : applied.paths) {
    if (path == own_file_of(suite, service)) daemon = true;
    if (!path.is_below(target) || path == target + "/.options") continue;
    (path.is_below(target + "/log") ? log : daemon) = true;
  }
  if (daemon || log) {
    std::string command;
    if (daemon) command = restart_command(suite, service);
    if (log) command += (daemon ? "; " : "") + restart_command(suite, service + "/log");
    say("to use what has changed: " + command);
  }
}

Result<void> announce(const ServiceRequest& request, const Plan& plan, const Applied& applied) {
  const Suite& suite = *request.suite;
  if (!has_scanner(suite)) {
    const bool start = applied.new_service && !request.down;
    return register_service(suite, plan.service.said(), start, applied);
  }
  if (!applied.new_service) return {};
  const std::string directory = servicedir(request);
  if (!is_watched(suite, directory)) {
    // Of others' scanners only root can know.
    if (::geteuid() == 0) {
      say("next: start " + std::string(suite.scanner) + " for " + directory +
          ", which starts the service");
    }
    return {};
  }
  return suite.rescan.empty() ? Result<void>() : run_words(suite.rescan, directory);
}

}  // namespace grey::svctool
