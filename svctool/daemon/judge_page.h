// Judges the service that serves report and figures of a daemon, by what was seen of it. Pure but
// for observe_page(), which looks.
#pragma once

#include <optional>
#include <string>

#include "svctool/daemon/observe.h"
#include "svctool/daemon/probe_page.h"
#include "svctool/daemon/service_state.h"
#include "svctool/plan/findings.h"

namespace grey::svctool {

struct PageObservation {
  Endpoint endpoint;
  std::optional<ServiceState> state;  // the last; absent: nobody to ask, or only root may
  bool restarts = false;              // several processes, none of which answered
  std::optional<bool> listens;        // the process has that port; absent: only root can tell
  std::string other;                  // who else has it
  PageProbe probe;
};

// Ends as soon as it answers, or is down and to stay so; otherwise after `seconds`. `before`: a
// process that is on its way out, and not asked. 0: none.
PageObservation observe_page(const Suite& suite, const std::string& service, const Endpoint& listen,
                             int seconds, pid_t before = 0);

// `daemon`: the service that it shows.
void judge_page(const PageObservation& seen, const Places& places, const std::string& daemon,
                Findings& findings);

}  // namespace grey::svctool
