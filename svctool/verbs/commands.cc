#include "svctool/verbs/commands.h"

#include <cstdio>

#include "svctool/daemon/find_supervisor.h"
#include "svctool/disk/lock.h"
#include "svctool/files/staging.h"
#include "svctool/util/output.h"
#include "svctool/verbs/remove.h"
#include "svctool/verbs/restart.h"
#include "svctool/verbs/set_variables.h"
#include "svctool/verbs/steer.h"
#include "svctool/verbs/verbs.h"

namespace grey::svctool {
Result<int> run(const RemoveService& request, const Manner& manner) {
  if (auto within = stays_within(manner.destdir, request.service); !within) {
    return tl::make_unexpected(within.error());
  }
  return remove_service(manner.destdir.at(request.service), manner.dry_run, manner.destdir);
}

Result<int> run(const RestartService& request, const Manner&) {
  return restart_daemon(request.service);
}

Result<int> run(const ReloadService& request, const Manner&) {
  return reload_daemon(request.service);
}

Result<int> run(const StartService& request, const Manner&) {
  return start_daemon(request.service);
}

Result<int> run(const StopService& request, const Manner&) {
  return stop_daemon(request.service);
}

Result<int> run(const SetVariables& request, const Manner& manner) {
  if (auto within = stays_within(manner.destdir, request.service); !within) {
    return tl::make_unexpected(within.error());
  }
  Locks locks;
  return set_variables(request, manner, locks);
}

Result<int> run(const FindSupervisor&, const Manner&) {
  const auto found = find_supervisor();
  if (!found) return failure("none of " + names_of_what_runs() + " runs here");
  say("--supervise=" + std::string(found->suite->name) + " --servicedir=" + found->servicedir);
  return 0;
}

Result<int> run(const PrintText& text, const Manner&) {
  std::fputs(text.text.c_str(), stdout);
  return 0;
}

Result<int> carry_out(CommandLine& line) {
  return std::visit([&line](auto& request) { return run(request, line.manner); }, line.request);
}

}  // namespace grey::svctool
