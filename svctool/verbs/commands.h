// The command line, carried out: verbs.h for the request that it has become.
#pragma once

#include "greyd/base/error.h"
#include "svctool/plan/requests.h"

namespace grey::svctool {

// The exit code: 0, or 1 of a check that found something wrong.
Result<int> carry_out(CommandLine& line);

}  // namespace grey::svctool
