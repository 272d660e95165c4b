// A table of options as a shell's completion. Pure. Nothing of what a user has typed is evaluated
// by what is written here.
#pragma once

#include <string>
#include <vector>

#include "etc/completion/table.h"

namespace grey::completion {

// The whole file. `names`: of the program, its own first.
// REQUIRES: names of programs, commands, options and words have no quotes and no blanks.
std::string bash_completion(const Command& program, const std::vector<std::string>& names);
std::string zsh_completion(const Command& program, const std::vector<std::string>& names);

}  // namespace grey::completion
