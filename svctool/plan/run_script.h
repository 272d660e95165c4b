// The shell scripts that a supervisor starts. They name programs, never settings: those come from
// variables/ through envdir, or from systemd, so that the scripts need no regeneration when one
// changes.
#pragma once

#include <string>
#include <string_view>

#include "svctool/plan/suite.h"

namespace grey::svctool {

// "greydaemon" or "qmail-greyd".
std::string daemon_name(bool use_greydaemon);

std::string run_script(const std::string& prefix, bool use_greydaemon, const Suite& suite);

// Starts `greyctl serve` for the daemon of SERVICE.
std::string page_run_script(const std::string& prefix, const Suite& suite);

// The PATH of what a supervisor's script starts.
std::string service_path_variable(const std::string& prefix);

// What asks the daemon whether it could start: the same command with --check, for a shell that has
// the settings in its environment. Where the suite sets that, it is not run as the user of the
// service yet: `user`.
std::string check_script(const std::string& prefix, bool use_greydaemon, const Suite& suite,
                         const std::string& user);

// REQUIRES: not a suite that keeps the log itself.
std::string log_run_script(const std::string& prefix, const Suite& suite);

}  // namespace grey::svctool
