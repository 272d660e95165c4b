// Makes what a comparison found to be missing.
#pragma once

#include <functional>
#include <string>

#include "greyd/base/error.h"
#include "svctool/files/compare.h"

namespace grey::svctool {

// An error when something is in the way of a change.
Result<void> refuse_obstacles(const Comparison& comparison);

// REQUIRES: refuse_obstacles(). Makes all changes or none. A new service directory appears
// complete, by one rename, as a running svscan looks for new ones every five seconds and starts
// what it finds. `last`: see Transaction::commit().
Result<void> install(const Plan& plan, const Comparison& comparison, const Accounts& accounts,
                     const Destdir& destdir, const std::function<Result<void>()>& last = {});

}  // namespace grey::svctool
