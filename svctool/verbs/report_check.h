// What a check has found, printed.
#pragma once

#include "greyd/base/error.h"
#include "svctool/plan/findings.h"
#include "svctool/plan/requests.h"

namespace grey::svctool {

// As text or JSON; the result is the exit code.
Result<int> print_check(const Result<Findings>& findings, const Manner& manner);

}  // namespace grey::svctool
