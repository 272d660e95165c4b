#include "svctool/daemon/judge_page.h"

#include <poll.h>

#include <chrono>

#include "svctool/daemon/sockets.h"
#include "svctool/daemon/strangers.h"
#include "svctool/util/shell_quote.h"

namespace grey::svctool {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPauseMilliseconds = 50;
constexpr int kGood = 200;

void judge_silence(const PageObservation& seen, const Places& places, Findings& findings) {
  const std::string& service = places.service;
  const std::string where = to_string(seen.endpoint);
  const std::string restart = "svctool --restart --service=" + shell_quote(service);
  if (seen.listens == false && !seen.other.empty()) {
    findings.wrong("port-taken", service + ": TCP port " + where + " is taken by " + seen.other,
                   "end that one, or set another SERVE and use it with " + restart, where);
  }
  if (!seen.state) return;  // who cannot be asked is said elsewhere
  const std::string it =
      service + ": greyctl serve (process " + std::to_string(seen.state->pid) + ")";
  if (!seen.state->up && !seen.state->wanted) {
    findings.wrong("down", service + ": down, and stays so until it is started", places.start,
                   service);
  } else if (!seen.state->up || seen.restarts) {
    findings.wrong("restarts",
                   service + ": greyctl serve ends and is started again and again" +
                       (places.reason.empty() ? "" : ", saying '" + places.reason + "'"),
                   "mend what it says in " + places.log, service);
  } else if (seen.state->paused) {
    findings.wrong("paused", it + " is paused", "kill -CONT " + std::to_string(seen.state->pid),
                   service);
  } else if (seen.listens == false) {
    findings.wrong("not-listening", it + " does not listen on " + where,
                   restart + ", if SERVE was changed; it has said: " + places.log, service);
  }
}

}  // namespace

PageObservation observe_page(const Suite& suite, const std::string& service, const Endpoint& listen,
                             int seconds, pid_t before) {
  PageObservation seen;
  seen.endpoint = listen;
  const auto end = Clock::now() + std::chrono::seconds(seconds);
  pid_t first = 0;
  for (;;) {
    const auto state = service_state(suite, service);
    seen.state = state ? std::optional(*state) : std::nullopt;
    seen.listens = std::nullopt;
    if (!state) {
      seen.probe = probe_page(listen);
      return seen;
    }
    const bool runs = state->up && state->pid != before;
    if (!state->up && !state->wanted) break;
    if (runs) {
      seen.restarts = seen.restarts || (first != 0 && first != state->pid);
      first = state->pid;
      seen.listens = listens_at(state->pid, Transport::tcp, listen);
      if (seen.listens != false) {
        seen.probe = probe_page(listen);
        if (seen.probe.code != 0) {
          seen.restarts = false;
          return seen;
        }
      }
    }
    if (Clock::now() >= end) break;
    ::poll(nullptr, 0, kPauseMilliseconds);
  }
  if (seen.listens == true) return seen;
  seen.listens = seen.state->up ? seen.listens : std::optional(false);
  if (seen.listens == false) {
    const auto other = find_stranger(suite, service, Transport::tcp, listen);
    if (other) seen.other = to_string(*other);
  }
  return seen;
}

void judge_page(const PageObservation& seen, const Places& places, const std::string& daemon,
                Findings& findings) {
  const std::string where = to_string(seen.endpoint);
  const std::string text = "page at " + where + ": ";
  if (seen.probe.code == kGood) {
    findings.note("page-answers", text + "/healthz says '" + seen.probe.outcome + "'", {}, where);
  } else if (seen.probe.code != 0) {
    findings.wrong("page-unwell", text + "/healthz says '" + seen.probe.outcome + "'",
                   "see what is wrong with its daemon: svctool --check --service=" +
                       shell_quote(daemon) + "; and what it has said: " + places.log,
                   where);
  } else {
    const std::size_t before = findings.list.size();
    judge_silence(seen, places, findings);
    const bool explained = findings.list.size() > before;
    findings.wrong("page-silent",
                   text + (seen.probe.outcome.empty() ? "no answer" : seen.probe.outcome),
                   explained ? "" : "see what it has said: " + places.log, where);
  }
}

}  // namespace grey::svctool
