#include "svctool/observe.h"

#include <poll.h>

#include <chrono>

#include "svctool/service_files.h"

namespace grey::svctool {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPauseMilliseconds = 50;
constexpr std::chrono::seconds kSaveSeconds{300};  // a daemon with many records saves for a while

// Asks it, when the process has the port or when that cannot be told. True: it answered.
bool ask(const Suite& suite, const std::string& service, Observation& seen) {
  const pid_t pid = seen.state->pid;
  seen.listens = listens_at(pid, seen.probe.endpoint);
  if (seen.listens == false) return false;
  seen.probe = probe(seen.probe.endpoint);
  if (!seen.probe.answered) return false;
  // A daemon that finds its lists bad has had the port for a moment.
  const auto after = service_state(suite, service);
  if (after && after->pid == pid) return true;
  seen.probe = {seen.probe.endpoint, false, ""};
  return false;
}

// The last word on a daemon that has not answered: who does.
Observation ask_others(Observation seen) {
  if (seen.listens == true && !seen.probe.outcome.empty()) return seen;
  seen.probe = probe(seen.probe.endpoint);
  if (seen.probe.answered && seen.listens == false) {
    seen.other = find_listener(seen.probe.endpoint);
  }
  return seen;
}

}  // namespace

Observation observe(const Suite& suite, const std::string& service, const Endpoint& listen,
                    int seconds, pid_t before) {
  Observation seen;
  seen.probe.endpoint = listen;
  auto end = Clock::now() + (before != 0 ? kSaveSeconds : std::chrono::seconds(seconds));
  pid_t first = 0;
  for (;;) {
    const auto state = service_state(suite, service);
    if (!state) {
      seen = Observation();
      seen.probe.endpoint = listen;
      return ask_others(std::move(seen));
    }
    seen.state = *state;
    seen.listens = false;
    if (!state->up && !state->wanted) return ask_others(std::move(seen));
    if (before != 0 && state->pid != before) {
      before = 0;
      end = Clock::now() + std::chrono::seconds(seconds);
    }
    if (state->up && before == 0) {
      seen.restarts = seen.restarts || (first != 0 && first != state->pid);
      first = state->pid;
      if (ask(suite, service, seen)) {
        seen.restarts = false;
        return seen;
      }
    }
    if (Clock::now() >= end) return ask_others(std::move(seen));
    ::poll(nullptr, 0, kPauseMilliseconds);
  }
}

std::optional<Endpoint> own_endpoint(const std::string& listen) {
  auto endpoint = parse_endpoint(listen, Wildcards::allowed);
  if (endpoint && endpoint->ip.is_any()) endpoint->ip = Endpoint{}.ip;
  return endpoint ? std::optional(*endpoint) : std::nullopt;
}

Places places_of(const Suite& suite, const std::string& service) {
  return {service, log_place(suite, service), start_command(suite, service)};
}

}  // namespace grey::svctool
