#include "svctool/verbs/steer.h"

#include <chrono>

#include "greyd/base/place.h"
#include "svctool/daemon/find_supervisor.h"
#include "svctool/daemon/service_state.h"
#include "svctool/daemon/supervision.h"
#include "svctool/files/compare.h"
#include "svctool/files/service_files.h"
#include "svctool/util/output.h"
#include "svctool/util/process.h"
#include "svctool/util/shell_quote.h"
#include "svctool/util/wait.h"
#include "svctool/verbs/page.h"
#include "svctool/verbs/restart.h"

namespace grey::svctool {
namespace {

std::string start_words(const std::string& service) {
  return "svctool --start --service=" + shell_quote(service);
}

// The supervisor that is to be told, and what it says now.
Result<ServiceState> state_of(const Suite& suite, const std::string& service) {
  if (has_scanner(suite) && !is_supervised(service)) {
    return failure(service + ": no supervise runs here");
  }
  return service_state(suite, service);
}

bool starts_at_boot(const Suite& suite, const std::string& service) {
  if (suite.is_enabled.empty()) return !is_there(service + "/down");
  return bool(run_program({arguments_of(suite.is_enabled, suite.known_as(service))}));
}

// What becomes of it when the machine starts again.
void say_boot(const Suite& suite, const std::string& service) {
  if (starts_at_boot(suite, service)) return;
  if (!suite.enable.empty()) {
    say(service + ": at boot it is not started; " + command(suite, suite.enable, service) +
        " would have it so");
  } else {
    say(service + ": at boot it is not started, as " + service + "/down is there");
  }
}

std::string how_long(const Suite& suite, const std::string& service) {
  std::string text = service + ": down until " + start_words(service);
  const bool at_boot = starts_at_boot(suite, service);
  if (!suite.disable.empty()) {
    return at_boot ? text + ", or until the machine starts again; for longer: " +
                         command(suite, suite.disable, service)
                   : text + ", also when the machine starts again, as " + suite.known_as(service) +
                         " is not enabled";
  }
  const std::string down = service + "/down";
  if (!at_boot) {
    return text + ", also when the machine or " + std::string(suite.scanner) +
           " starts again, as " + down + " is there";
  }
  return text + ", or until the machine or " + std::string(suite.scanner) +
         " starts again; for longer: touch " + shell_quote(down);
}

Result<void> wait_until_down(const Suite& suite, const std::string& service, pid_t pid) {
  Result<void> outcome;
  const bool over = look_until(std::chrono::seconds(kStopSeconds), [&] {
    const auto state = service_state(suite, service);
    if (!state) outcome = tl::make_unexpected(state.error());
    if (!state || !state->up || state->pid != pid) return true;
    outcome = refuse_standstill(pid);
    return !outcome;
  });
  return over ? outcome : failure("the daemon does not end within five minutes");
}

// One that its scanner does not start again.
Result<int> stop_for_good(const Suite& suite, const std::string& service) {
  if (is_supervision_hidden(service)) {
    return failure(service + ": only root can see whether a supervisor runs here");
  }
  if (!is_supervised(service) && !is_supervised(service + "/log")) {
    say(service + ": nothing to stop, as no supervise runs here");
    return 0;
  }
  if (auto stopped = stop_service(suite, service); !stopped) {
    return failure(service + ": " + stopped.error().text);
  }
  say(service + ": stopped for good, with what supervised it, as no " + std::string(suite.scanner) +
      " watches it");
  return 0;
}

}  // namespace

Result<int> reload_daemon(const std::string& service) {
  auto request = read_standing(service);
  if (!request) return tl::make_unexpected(request.error());
  if (is_page(*request)) return failure(service + ": greyctl serve has no lists to read");
  const Suite& suite = *request->suite;
  const auto state = state_of(suite, service);
  if (!state) return tl::make_unexpected(state.error());
  if (!state->up) {
    return failure(service + ": the daemon is down; it reads lists and rules when it is started: " +
                   start_words(service));
  }
  if (auto good = could_start(*request, service); !good) {
    return failure(service + ": not told to read its lists and rules: " + good.error().text);
  }
  if (auto told = tell(suite, suite.reload, service); !told) {
    return tl::make_unexpected(told.error());
  }
  say(service +
      ": told to read its lists and rules; what became of it: " + log_place(suite, service));
  return 0;
}

Result<int> start_daemon(const std::string& service) {
  auto request = read_standing(service);
  if (!request) return tl::make_unexpected(request.error());
  const Suite& suite = *request->suite;
  if (is_page(*request)) {
    const auto started = start_page(*request, service);
    if (started && *started == 0) say_boot(suite, service);
    return started;
  }
  const auto before = state_of(suite, service);
  if (!before) return tl::make_unexpected(before.error());
  const auto endpoint = listen_endpoint(service);
  if (!endpoint) return failure(service + ": not started: " + endpoint.error().text);
  if (before->up) {
    say(service + ": is up already, process " + std::to_string(before->pid));
  } else {
    auto good = could_start(*request, service);
    if (good) good = check_state_is_free(see(*request, service, 0));
    if (!good) {
      return failure(service + ": not started, as it could not now: " + good.error().text);
    }
    if (auto told = tell_to_start(suite, suite.start, service); !told) {
      return tl::make_unexpected(told.error());
    }
    wait_until_wanted(suite, service);
  }
  const auto code = report_answer(suite, service, *endpoint, 0);
  if (!code || *code != 0) return code;
  if (!before->up) say(service + ": started");
  say_boot(suite, service);
  return 0;
}

Result<int> stop_daemon(const std::string& service) {
  const auto request = read_unexposed_options(service);
  if (!request) return tl::make_unexpected(request.error());
  const Suite& suite = *request->suite;
  if (has_scanner(suite) && !is_scanned(suite, service)) return stop_for_good(suite, service);
  const auto before = state_of(suite, service);
  if (!before) return tl::make_unexpected(before.error());
  if (before->up && !is_page(*request)) {
    if (auto saves = check_save(see(*request, service, before->pid), Then::nothing); !saves) {
      return failure(service + ": not stopped: " + saves.error().text +
                     " (what supervises it would stop it all the same)");
    }
  }
  if (auto told = tell(suite, suite.put_down, service); !told)
    return tl::make_unexpected(told.error());
  if (before->up) {
    if (auto down = wait_until_down(suite, service, before->pid); !down) {
      return failure(service + ": " + down.error().text);
    }
  }
  say(how_long(suite, service));
  return 0;
}

}  // namespace grey::svctool
