#include "svctool/verbs/page.h"

#include <cstdio>

#include "svctool/daemon/judge_daemon.h"
#include "svctool/daemon/judge_page.h"
#include "svctool/daemon/log_service.h"
#include "svctool/daemon/look_at.h"
#include "svctool/daemon/service_state.h"
#include "svctool/daemon/supervision.h"
#include "svctool/files/service_files.h"
#include "svctool/plan/settings.h"
#include "svctool/util/output.h"

namespace grey::svctool {
namespace {

constexpr int kCheckSeconds = 3;
constexpr int kStartSeconds = 10;

Result<Endpoint> serve_endpoint(const std::string& service) {
  const std::string serve = read_variable(service, "SERVE");
  if (const std::string fault = serve_fault(serve); !fault.empty()) {
    return failure("SERVE: " + fault);
  }
  return *parse_endpoint(serve, Wildcards::allowed);
}

// What came of a start, in the words of a check; the result is the exit code. `before`: the process
// that is to end first; 0: none.
Result<int> report_page(const ServiceRequest& page, const std::string& service,
                        const Endpoint& endpoint, pid_t before) {
  const Suite& suite = *page.suite;
  Findings findings;
  findings.subject = service;
  const auto seen = observe_page(suite, service, endpoint, kStartSeconds, before);
  Places places = places_of(suite, service);
  if (seen.probe.code == 0) places.reason = look_at_news(suite, service).last_words;
  judge_page(seen, places, read_variable(service, "SERVICE"), findings);
  judge_log_service(suite, service, seen.state && seen.state->up ? seen.state->pid : 0, findings);
  if (findings.good()) return 0;
  std::fputs(to_text(findings).c_str(), stdout);
  return 1;
}

// Its supervisor's word, where one runs.
Result<ServiceState> state_of(const Suite& suite, const std::string& service) {
  if (has_scanner(suite)) {
    const auto fault = judge_supervision(look_at_supervision(suite, service));
    if (fault) return failure(to_text(*fault));
  }
  return service_state(suite, service);
}

}  // namespace

void judge_running_page(const ServiceRequest& page, const std::string& service, bool supervised,
                        Findings& findings) {
  const Suite& suite = *page.suite;
  const auto endpoint = serve_endpoint(service);
  if (!endpoint) {
    findings.wrong("setting-bad", service + ": " + endpoint.error().text,
                   "write one to the service's SERVE", "SERVE");
    return;
  }
  const PageObservation seen = observe_page(suite, service, *endpoint, kCheckSeconds);
  Places places = places_of(suite, service);
  if (seen.probe.code == 0) places.reason = look_at_news(suite, service).last_words;
  judge_page(seen, places, read_variable(service, "SERVICE"), findings);
  const bool runs = supervised && seen.state && seen.state->up;
  judge_log_service(suite, service, runs ? seen.state->pid : 0, findings);
}

Result<int> restart_page(const ServiceRequest& page, const std::string& service) {
  const Suite& suite = *page.suite;
  const auto endpoint = serve_endpoint(service);
  if (!endpoint) return failure(service + ": not restarted: " + endpoint.error().text);
  const auto before = state_of(suite, service);
  if (!before) return tl::make_unexpected(before.error());
  const bool wanted = before->up || before->wanted;  // one that was put down stays so
  if (wanted) {
    if (auto told = tell_to_start(suite, suite.restart, service); !told) {
      return tl::make_unexpected(told.error());
    }
  }
  return report_page(page, service, *endpoint, before->up ? before->pid : 0);
}

Result<int> start_page(const ServiceRequest& page, const std::string& service) {
  const Suite& suite = *page.suite;
  const auto endpoint = serve_endpoint(service);
  if (!endpoint) return failure(service + ": not started: " + endpoint.error().text);
  const auto before = state_of(suite, service);
  if (!before) return tl::make_unexpected(before.error());
  if (before->up) {
    say(service + ": is up already, process " + std::to_string(before->pid));
  } else {
    if (auto told = tell_to_start(suite, suite.start, service); !told) {
      return tl::make_unexpected(told.error());
    }
    wait_until_wanted(suite, service);
  }
  const auto code = report_page(page, service, *endpoint, 0);
  if (code && *code == 0 && !before->up) say(service + ": started");
  return code;
}

std::string find_page_of(const std::string& service) {
  const std::string page = Destdir().at(page_beside(TargetPath(service)));
  return is_greylisting_service(page) ? page : std::string();
}

}  // namespace grey::svctool
