// What a check has found, printed.
#pragma once

#include "greyd/error.h"
#include "svctool/findings.h"
#include "svctool/requests.h"

namespace grey::svctool {

// As text or JSON; the result is the exit code.
Result<int> print_check(const Result<Findings>& findings, const Manner& manner);

}  // namespace grey::svctool
