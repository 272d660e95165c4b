// Landlock: which files a process may reach, which TCP ports, and whom it may signal.
#pragma once

#include "greyd/base/error.h"
#include "greyd/sandbox/sandbox.h"

namespace grey::sandbox {

// The version of the kernel's Landlock; 0, and errno: it has none, it is switched off, or whoever
// runs this process keeps it from it. A negated errno: some other failure.
int landlock_version();

// REQUIRES: version > 0, no_new_privs.
Result<void> restrict_files(const Needs& needs, int version);

}  // namespace grey::sandbox
