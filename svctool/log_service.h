// Looks at what writes a service's log.
#pragma once

#include <string>

#include "svctool/findings.h"
#include "svctool/supervisor.h"

namespace grey::svctool {

// As it is in force: its user, its files, and whether it runs, and for long enough to have opened
// them. Under systemd there is none of the service's own.
void judge_log_service(const Suite& suite, const std::string& service, Findings& findings);

}  // namespace grey::svctool
