// What svctool does for each request. Says on standard output what it did, or what there is to say;
// warnings go to standard error.
#pragma once

#include "greyd/error.h"
#include "svctool/requests.h"

namespace grey::svctool {

// The exit code: 0, or 1 of a check that found something wrong.
Result<int> carry_out(CommandLine& line);

}  // namespace grey::svctool
