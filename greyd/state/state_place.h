// Whether the state's files (state_files.h) can be where the operator wants them. `path` is the
// context file's; an error names what stands in the way.
//
// Only what time will not mend stops a start: a directory that is not there (a wrong name, as far
// as anybody can tell), something else than a file at one of the names, a file that may not be
// read. What cannot be written is answered from memory.
#pragma once

#include <string>

#include "greyd/base/error.h"
#include "greyd/base/files.h"

namespace grey {

// At start. Makes and changes nothing.
Result<void> check_state_place(const std::string& path);

// Before a start, perhaps beside a daemon that runs: the same, and what a start opens. What would
// not stop it, but keep it from saving, is the text; that is empty when nothing would. Makes and
// changes nothing.
Result<std::string> check_state_access(const std::string& path);

// Makes one of the state's files, or empties the one that is there.
Result<Fd> create_state_file(const std::string& path);

}  // namespace grey
