// seccomp: which system calls a process may make.
#pragma once

#include "greyd/base/error.h"
#include "greyd/sandbox/sandbox.h"

namespace grey::sandbox {

// All others fail by EPERM. An error has the errno. REQUIRES: no_new_privs, and that this is the
// only thread.
Result<void> restrict_system_calls(const Needs& needs);

}  // namespace grey::sandbox
