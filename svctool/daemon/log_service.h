// Looks at what writes a service's log.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "svctool/daemon/service_state.h"
#include "svctool/plan/findings.h"
#include "svctool/plan/suite.h"

namespace grey::svctool {

// What writes a service's log, as it was seen over a few seconds.
struct LogObservation {
  std::optional<ServiceState> state;  // the last; absent: nobody to ask, or only root may
  bool steady = false;                // up, and for long enough to have opened its files
  std::string other_user;             // that it runs as, in the place of the one that is set
};

// As it is in force: its user, its files and the room for them, and whether it runs, for long
// enough to have opened them, and reads what the daemon says. Under systemd there is none of the
// service's own. `daemon`: its process; 0: not known, or it does not run.
void judge_log_service(const Suite& suite, const std::string& service, pid_t daemon,
                       Findings& findings);

}  // namespace grey::svctool
