// The shell scripts that a supervisor starts. They name programs, never settings: those come from
// variables/ through envdir, or from systemd, so that the scripts need no regeneration when one
// changes.
#pragma once

#include <string>
#include <string_view>

#include "svctool/supervisor.h"

namespace grey::svctool {

// `text` as one word of a POSIX shell, whatever it contains.
std::string shell_quote(std::string_view text);

std::string run_script(const std::string& prefix, bool use_greydaemon, const Suite& suite);

// REQUIRES: not systemd, which keeps the log itself.
std::string log_run_script(const std::string& prefix, const Suite& suite);

}  // namespace grey::svctool
