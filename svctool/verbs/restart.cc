#include "svctool/verbs/restart.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>

#include "greyd/base/files.h"
#include "greyd/base/place.h"
#include "svctool/daemon/judge_daemon.h"
#include "svctool/daemon/log_service.h"
#include "svctool/daemon/look_at.h"
#include "svctool/daemon/observe.h"
#include "svctool/daemon/processes.h"
#include "svctool/daemon/sockets.h"
#include "svctool/daemon/start_check.h"
#include "svctool/daemon/strangers.h"
#include "svctool/daemon/supervision.h"
#include "svctool/daemon/unit_access.h"
#include "svctool/files/service_files.h"
#include "svctool/files/standing.h"
#include "svctool/util/wait.h"
#include "svctool/verbs/page.h"

namespace grey::svctool {
namespace {

constexpr int kSeconds = 10;  // for a start, which has to read the state
constexpr std::chrono::seconds kStandstill{5};

// An error when another program has the daemon's place: one that runs would lose its own for it.
Result<void> check_place(const Suite& suite, const std::string& service, const ServiceState& state,
                         const Endpoint& endpoint) {
  if (!state.up && !state.wanted) return {};
  if (state.up && listens_at(state.pid, Transport::udp, endpoint) != false) return {};
  const auto other = find_stranger(suite, service, Transport::udp, endpoint);
  if (!other) return {};
  return failure(to_string(*other) + " listens on " + to_string(endpoint));
}

// An error when what the daemon that runs has learnt would be lost, when it could not be saved by
// the next one, or when that one would not get its state, or a place where mail servers ask.
Result<void> check_loss(const Seen& seen) {
  if (seen.daemon == 0) return {};
  if (const std::string other = find_mta_holder(seen); !other.empty()) return failure(other);
  if (auto free = check_state_is_free(seen); !free) return free;
  return check_save(seen, Then::another);
}

// Whether it was told at all: a daemon that was put down is not to be started.
Result<bool> tell_to_restart(const Suite& suite, const std::string& service,
                             const ServiceState& state) {
  if (!state.up && !state.wanted) return false;
  if (auto told = tell_to_start(suite, suite.restart, service); !told) {
    return tl::make_unexpected(told.error());
  }
  return true;
}

// 'T': by a signal; 't': by a debugger.
bool stands_still(pid_t pid) {
  const auto text = read_file("/proc/" + std::to_string(pid) + "/stat");
  if (!text || !*text) return false;
  const std::size_t name_end = (*text)->rfind(") ");
  return name_end != std::string::npos && std::tolower((**text)[name_end + 2]) == 't';
}

}  // namespace

Result<void> check_state_is_free(const Seen& seen) {
  const std::string context = path_below(read_variable(seen.service, "CONTROLDIR"),
                                         read_variable(seen.service, "CONTEXT_FILE"));
  const std::string path = context + ".lock";
  const auto file = file_id(path);
  if (!file || (seen.daemon != 0 && has_open(seen.daemon, *file) != false)) return {};
  const auto lock = open_regular(path);
  if (!lock || ::flock(lock->get(), LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK) return {};
  return failure("context file " + context + " is in use by another daemon");
}

Result<void> check_save(const Seen& seen, Then then) {
  StateFacts facts;
  // One that has just been started has no journal yet, and has learnt nothing. It may end, too.
  const auto is_there = [&] { return ::kill(seen.daemon, 0) == 0 || errno != ESRCH; };
  look_until(std::chrono::seconds(kSeconds), [&] {
    facts = look_at_state(seen);
    return facts.journal_open != false || facts.running.value_or(0) >= kSeconds || !is_there();
  });
  if (!is_there()) facts.journal_open.reset();
  if (then == Then::nothing && facts.runs_as_another) facts.denied = facts.running_denied;
  Findings lost;
  judge_save(facts, lost);
  for (const Finding& finding : lost.list) {
    if (then == Then::nothing && finding.id == "state-moved") continue;  // nothing is lost by that
    if (finding.severity == Severity::wrong) return failure(to_text(finding));
  }
  return {};
}

Result<ServiceRequest> read_standing(const std::string& service) {
  auto request = read_trusted_options(service);
  if (request) find_what_stays(*request, service, {});
  return request;
}

Result<void> could_start(const ServiceRequest& request, const std::string& service) {
  if (auto good = check_values(request, service); !good) return good;
  if (auto good = check_unit_access(request, service); !good) return good;
  if (!may_ask_start(request, service)) return {};
  const auto asked = ask_start(request, service);
  return asked ? Result<void>() : tl::make_unexpected(asked.error());
}

Result<Endpoint> listen_endpoint(const std::string& service) {
  const std::string listen = read_variable(service, "LISTEN");
  if (const auto endpoint = parse_endpoint(listen, Wildcards::allowed)) return *endpoint;
  return failure("LISTEN: '" + listen + "' is not an address and port");
}

Result<void> refuse_standstill(pid_t pid) {
  if (look_until(kStandstill, [pid] { return !stands_still(pid); })) return {};
  return failure("process " + std::to_string(pid) +
                 " stands still, held by a debugger or again and again by a signal; what it was "
                 "told it does when it goes on: kill -CONT " +
                 std::to_string(pid));
}

Result<int> report_answer(const Suite& suite, const std::string& service, const Endpoint& endpoint,
                          pid_t before) {
  const auto seen = observe(suite, service, endpoint, kSeconds, before);
  if (before != 0 && seen.state && seen.state->pid == before) {
    return failure(service + ": the daemon does not end");
  }
  Findings findings;
  findings.subject = service;
  Places places = places_of(suite, service);
  if (!seen.probe.answered) places.reason = look_at_news(suite, service).last_words;
  const bool has_rules = !read_variable(service, "RULES").empty();
  judge_daemon(seen, places, {is_dry_run(read_variable(service, "DRY_RUN")), has_rules}, findings);
  judge_log_service(suite, service, seen.state && seen.state->up ? seen.state->pid : 0, findings);
  if (findings.good()) return 0;
  std::fputs(to_text(findings).c_str(), stdout);
  return 1;
}

Result<int> restart_daemon(const std::string& service) {
  const auto request = read_standing(service);
  if (!request) return tl::make_unexpected(request.error());
  if (is_page(*request)) return restart_page(*request, service);
  const Suite& suite = *request->suite;
  if (auto good = could_start(*request, service); !good) {
    std::string text = service + ": not restarted, as the daemon could not start now: ";
    text += good.error().text;
    const std::string user =
        sets_user(suite) ? request->user : read_variable(service, "SERVICE_USER");
    const auto now = service_state(suite, service);
    const std::string todo = hand_over_state(service, user, now && now->up);
    return failure(todo.empty() ? text : text + "; its state is another user's: " + todo);
  }
  const auto endpoint = listen_endpoint(service);
  if (!endpoint) return failure(service + ": not restarted: " + endpoint.error().text);
  if (has_scanner(suite)) {
    const auto fault = judge_supervision(look_at_supervision(suite, service));
    if (fault) return failure(to_text(*fault));
  }
  const auto before = service_state(suite, service);
  if (!before) return tl::make_unexpected(before.error());
  if (auto free = check_place(suite, service, *before, *endpoint); !free) {
    return failure(service + ": not restarted: " + free.error().text);
  }
  const Seen seen = see(*request, service, before->up ? before->pid : 0);
  if (auto good = check_loss(seen); !good) {
    return failure(service + ": not restarted: " + good.error().text);
  }
  const auto told = tell_to_restart(suite, service, *before);
  if (!told) return tl::make_unexpected(told.error());
  if (*told && before->up) {
    if (auto runs = refuse_standstill(before->pid); !runs) {
      return failure(service + ": not restarted: " + runs.error().text);
    }
  }
  return report_answer(suite, service, *endpoint, *told && before->up ? before->pid : 0);
}

}  // namespace grey::svctool
