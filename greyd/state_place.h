// Whether the state's files (state_files.h) can be where the operator wants them. `path` is the
// context file's; an error names what stands in the way.
#pragma once

#include <string>

#include "greyd/error.h"

namespace grey {

// At start: makes a file there, and takes it away again.
Result<void> check_state_place(const std::string& path);

// Before a start, perhaps beside a daemon that runs: makes and changes nothing.
Result<void> check_state_access(const std::string& path);

}  // namespace grey
