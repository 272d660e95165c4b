// The shell scripts that supervise starts. They name programs, never settings: those come from
// variables/ through envdir, so that the scripts need no regeneration when one changes.
#pragma once

#include <string>
#include <string_view>

namespace grey::svctool {

// `text` as one word of a POSIX shell, whatever it contains.
std::string shell_quote(std::string_view text);

std::string run_script(const std::string& prefix, bool use_greydaemon);
std::string log_run_script(const std::string& prefix);

}  // namespace grey::svctool
