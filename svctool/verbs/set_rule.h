// svctool --greyip, --no-greyip and --key of a rule in a tcprules file.
#pragma once

#include "greyd/base/error.h"
#include "svctool/disk/lock.h"
#include "svctool/plan/requests.h"

namespace grey::svctool {

// The result is the exit code. `locks` gets that of the file.
Result<int> set_rule(const RuleGreyip& request, const Manner& manner, Locks& locks);

}  // namespace grey::svctool
