#include "svctool/daemon/observe.h"

#include <poll.h>

#include <chrono>

#include "greyd/base/files.h"
#include "greyd/base/place.h"
#include "svctool/daemon/find_supervisor.h"
#include "svctool/daemon/sockets.h"
#include "svctool/daemon/strangers.h"
#include "svctool/daemon/supervision.h"
#include "svctool/files/compare.h"
#include "svctool/files/service_files.h"

namespace grey::svctool {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPauseMilliseconds = 50;
constexpr std::chrono::seconds kSaveSeconds{300};  // a daemon with many records saves for a while

class Watch {
 public:
  Watch(const Suite& suite, const std::string& service, const Endpoint& listen)
      : suite_(suite), service_(service), listen_(listen) {
    seen_.probe.endpoint = own_endpoint(listen);
  }

  Observation run(int seconds, pid_t before) {
    auto end = Clock::now() + (before != 0 ? kSaveSeconds : std::chrono::seconds(seconds));
    pid_t first = 0;
    for (;;) {
      const auto state = service_state(suite_, service_);
      if (!state) return unsupervised();
      seen_.state = *state;
      seen_.listens = false;
      if (!state->up && !state->wanted) return ask_others();
      if (before != 0 && state->pid != before) {
        before = 0;
        end = Clock::now() + std::chrono::seconds(seconds);
      }
      if (state->up && before == 0) {
        seen_.restarts = seen_.restarts || (first != 0 && first != state->pid);
        first = state->pid;
        if (ask()) {
          seen_.restarts = false;
          return seen_;
        }
      }
      if (Clock::now() >= end) return ask_others();
      ::poll(nullptr, 0, kPauseMilliseconds);
    }
  }

 private:
  // Asks it, when the process has the port or when that cannot be told. True: it answered.
  bool ask() {
    const pid_t pid = seen_.state->pid;
    seen_.listens = listens_at(pid, Transport::udp, listen_);
    if (seen_.listens == false) return false;
    seen_.probe = probe(seen_.probe.endpoint, own_key_file(service_));
    asked_ = true;
    if (!seen_.probe.answered) return false;
    // A daemon that finds its lists bad has had the port for a moment.
    const auto after = service_state(suite_, service_);
    if (after && after->pid == pid) return true;
    seen_.probe = {seen_.probe.endpoint, false, ""};
    asked_ = false;
    return false;
  }

  Observation unsupervised() {
    const Endpoint endpoint = seen_.probe.endpoint;
    seen_ = Observation();
    seen_.probe.endpoint = endpoint;
    // Where no supervisor runs, whoever answers is another program.
    if (has_scanner(suite_) && !is_supervision_hidden(service_)) seen_.listens = false;
    return ask_others();
  }

  // The last word on a daemon that has not answered: who does, or has its port.
  Observation ask_others() {
    if (seen_.listens == true && asked_) return seen_;
    seen_.probe = probe(seen_.probe.endpoint, own_key_file(service_));
    if (seen_.listens != false) return seen_;
    const auto other = find_stranger(suite_, service_, Transport::udp, listen_);
    if (other) seen_.other = to_string(*other);
    return seen_;
  }

  const Suite& suite_;
  const std::string& service_;
  const Endpoint listen_;
  Observation seen_;
  bool asked_ = false;  // seen_.probe is what the daemon has said, or not
};

}  // namespace

Endpoint own_endpoint(const Endpoint& listen) {
  return listen.ip.is_any() ? Endpoint{Endpoint{}.ip, listen.port} : listen;
}

std::string own_key_file(const std::string& service) {
  const std::string file = read_variable(service, "KEY_FILE");
  if (file.empty() || read_variable(service, "REQUIRE_KEY") != "always") return {};
  return path_below(read_variable(service, "CONTROLDIR"), file);
}

Observation observe(const Suite& suite, const std::string& service, const Endpoint& listen,
                    int seconds, pid_t before) {
  return Watch(suite, service, listen).run(seconds, before);
}

Places places_of(const Suite& suite, const std::string& service) {
  return {service, log_place(suite, service), start_command(suite, service), {}};
}

Supervision look_at_supervision(const Suite& suite, const std::string& service) {
  Supervision seen;
  seen.service = service;
  seen.scanner = suite.scanner;
  seen.rescan = suite.rescan;
  const auto end = Clock::now() + std::chrono::seconds(int(kScanSeconds) + 1);
  for (;;) {
    seen.hidden = is_supervision_hidden(service);
    seen.supervised = seen.hidden || is_supervised(service);
    if (seen.supervised) break;
    const auto watched = find_watched(suite, service);
    seen.watched = watched ? watched->directory : "";
    seen.age = watched ? std::optional(watched->age) : std::nullopt;
    const bool is_new = seen.rescan.empty() && seen.age && *seen.age < 2 * kScanSeconds;
    if (!is_new || Clock::now() >= end) break;
    ::poll(nullptr, 0, kPauseMilliseconds);
  }
  if (seen.hidden) seen.supervised = false;
  seen.has_run = is_there(service + "/supervise");
  return seen;
}

}  // namespace grey::svctool
