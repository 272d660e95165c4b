// seccomp: which system calls a process may make.
#pragma once

#include "greyd/base/error.h"
#include "greyd/sandbox/sandbox.h"

namespace grey::sandbox {

// Whether the kernel can do it. An errno: why it cannot, or 0.
int system_calls_fault();

// All others fail by EPERM. REQUIRES: no_new_privs, and that this is the only thread.
Result<void> restrict_system_calls(const Needs& needs);

}  // namespace grey::sandbox
