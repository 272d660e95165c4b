#include "svctool/restart.h"

#include <cstdio>

#include "svctool/log_service.h"
#include "svctool/look_at.h"
#include "svctool/observe.h"
#include "svctool/service_files.h"
#include "svctool/sockets.h"
#include "svctool/start_check.h"
#include "svctool/supervision.h"

namespace grey::svctool {
namespace {

constexpr int kSeconds = 10;  // for a start, which has to read the state

Result<void> could_start(const ServiceRequest& request, const std::string& service) {
  if (auto good = check_values(request, service); !good) return good;
  if (!may_ask_start(request, service)) return {};
  return ask_start(request, service);
}

// An error when another program has the daemon's place: one that runs would lose its own for it.
Result<void> check_place(const Suite& suite, const std::string& service, const ServiceState& state,
                         const Endpoint& endpoint) {
  if (!state.up && !state.wanted) return {};
  if (state.up && listens_at(state.pid, Transport::udp, endpoint) != false) return {};
  const auto other = find_holder(Transport::udp, endpoint);
  if (!other) return {};
  // It may have been started just now.
  const auto now = service_state(suite, service);
  if (now && other->pid == now->pid) return {};
  return failure(to_string(*other) + " listens on " + to_string(endpoint));
}

// An error when what the daemon that runs has learnt would be lost, when it could not be saved by
// the next one, or when that one would not get a place where mail servers ask.
Result<void> check_loss(const Seen& seen) {
  if (seen.daemon == 0) return {};
  if (const std::string other = find_policy_holder(seen); !other.empty()) return failure(other);
  Findings lost;
  judge_save(look_at_state(seen), lost);
  for (const Finding& finding : lost.list) {
    if (finding.severity == Severity::wrong) return failure(to_text(finding));
  }
  return {};
}

// Whether it was told at all: a daemon that was put down is not to be started.
Result<bool> tell(const Suite& suite, const std::string& service, const ServiceState& state) {
  if (!state.up && !state.wanted) return false;
  if (auto told = restart_service(suite, service); !told) {
    return tl::make_unexpected(told.error());
  }
  return true;
}

}  // namespace

Result<int> restart_daemon(const std::string& service) {
  const auto request = read_trusted_options(service);
  if (!request) return tl::make_unexpected(request.error());
  const Suite& suite = *request->suite;
  if (auto good = could_start(*request, service); !good) {
    return failure(service +
                   ": not restarted, as the daemon could not start now: " + good.error().text);
  }
  const std::string listen = read_variable(service, "LISTEN");
  const auto endpoint = parse_endpoint(listen, Wildcards::allowed);
  if (!endpoint) {
    return failure(service + ": not restarted: LISTEN: '" + listen +
                   "' is not an address and port");
  }
  if (!is_systemd(suite)) {
    const auto fault = judge_supervision(look_at_supervision(suite, service));
    if (fault) return failure(to_text(*fault));
  }
  const auto before = service_state(suite, service);
  if (!before) return tl::make_unexpected(before.error());
  if (before->paused) {
    return failure(service + ": not restarted: the daemon is paused; to do: kill -CONT " +
                   std::to_string(before->pid));
  }
  if (auto free = check_place(suite, service, *before, *endpoint); !free) {
    return failure(service + ": not restarted: " + free.error().text);
  }
  const Seen seen_now = see(*request, service, before->up ? before->pid : 0);
  if (auto good = check_loss(seen_now); !good) {
    return failure(service + ": not restarted: " + good.error().text);
  }
  const auto told = tell(suite, service, *before);
  if (!told) return tl::make_unexpected(told.error());
  const auto seen = observe(suite, service, *endpoint, kSeconds, *told ? before->pid : 0);
  if (*told && before->up && seen.state && seen.state->pid == before->pid) {
    return failure(service + ": the daemon does not end");
  }
  Findings findings;
  findings.subject = service;
  Places places = places_of(suite, service);
  if (!seen.probe.answered) places.reason = look_at_news(suite, service).last_words;
  judge_daemon(seen, places, is_dry_run(read_variable(service, "DRY_RUN")), findings);
  judge_log_service(suite, service, seen.state && seen.state->up ? seen.state->pid : 0, findings);
  if (findings.good()) return 0;
  std::fputs(to_text(findings).c_str(), stdout);
  return 1;
}

}  // namespace grey::svctool
