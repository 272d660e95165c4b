// Changes single settings of a service that stands.
#pragma once

#include "greyd/base/error.h"
#include "svctool/disk/lock.h"
#include "svctool/plan/requests.h"
#include "svctool/plan/service_dir.h"

namespace grey::svctool {

// Each value is checked as the daemon takes it, and the daemon is asked whether it could start with
// all of them, before anything is written. The result is the exit code.
// `locks` gets that of the service.
Result<int> set_variables(const SetVariables& request, const Manner& manner, Locks& locks);

// ---- pure

// Misuse, naming the variable, when it cannot have this value; "": none.
Result<void> check_variable(const ServiceRequest& service, const Variable& variable,
                            const std::string& value);

// Misuse when a name is none of the service's, with a list of those; or when all values together,
// as they will be in force, contradict each other.
Result<void> check_variables(const ServiceRequest& service, const Values& values);

}  // namespace grey::svctool
