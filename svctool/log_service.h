// Looks at what writes a service's log.
#pragma once

#include <sys/types.h>

#include <string>

#include "svctool/findings.h"
#include "svctool/supervisor.h"

namespace grey::svctool {

// As it is in force: its user, its files and the room for them, and whether it runs, for long
// enough to have opened them, and reads what the daemon says. Under systemd there is none of the
// service's own. `daemon`: its process; 0: not known, or it does not run.
void judge_log_service(const Suite& suite, const std::string& service, pid_t daemon,
                       Findings& findings);

}  // namespace grey::svctool
