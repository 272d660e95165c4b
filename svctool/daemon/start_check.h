// Whether a service's daemon could start with its settings as they are now: it is asked itself, by
// the command of `run` with --check.
#pragma once

#include <string>
#include <vector>

#include "greyd/base/error.h"
#include "svctool/plan/service_request.h"

namespace grey::svctool {

// Whether we may be who runs it: root, or the one to whom the service belongs.
bool may_ask_start(const ServiceRequest& request, const std::string& service);

// What the daemon warns of, a line each, as it would start all the same. The error is what it says,
// or who else could exchange its program.
// REQUIRES: nobody else can write to the service directory, see exposures_of().
// `instead`: variables that are about to have another value than they have there.
Result<std::vector<std::string>> ask_start(const ServiceRequest& request,
                                           const std::string& service, const Values& instead = {});

// The first setting that has no good value, by its file. For who has not compared the service with
// its plan, which finds the same.
Result<void> check_values(const ServiceRequest& request, const std::string& service);

}  // namespace grey::svctool
