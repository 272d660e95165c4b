// What a change to a service's files has to be followed by, so that it comes into force.
#pragma once

#include <string>

#include "greyd/base/error.h"
#include "svctool/files/walks.h"
#include "svctool/plan/plan.h"
#include "svctool/plan/service_request.h"

namespace grey::svctool {

// Whether something runs in a service directory that has read what was there before.
bool may_run(const std::string& service);

// Says which command has the service use what has changed, where something runs there.
void advise_restart(const Applied& applied, const Suite& suite, const TargetPath& service);

// Tells a suite that does not look for new services by itself. What does not run yet will find it
// when it starts.
Result<void> announce(const ServiceRequest& request, const Plan& plan, const Applied& applied);

}  // namespace grey::svctool
