// Lines for the operator.
#pragma once

#include <string>
#include <string_view>

namespace grey::svctool {

void say(std::string_view line);   // standard output
void warn(std::string_view line);  // standard error, "svctool: warning: ..."

// Control characters, and what is not UTF-8, as \n or \x1b, so that a message stays one line, and
// does nothing to a terminal, whatever a path or the name of a process has in it.
std::string one_line(std::string_view text);

}  // namespace grey::svctool
