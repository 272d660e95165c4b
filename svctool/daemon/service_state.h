// Asks a supervisor for the state of a service's daemon.
#pragma once

#include <string>

#include "greyd/base/error.h"
#include "svctool/plan/service_status.h"
#include "svctool/plan/suite.h"

namespace grey::svctool {

// Of `service`'s daemon. An error when there is no supervisor to ask, or when only root may.
Result<ServiceState> service_state(const Suite& suite, const std::string& service);

// Of one whose supervisor has been told to start it, and may take a moment to hear it: until then
// it looks like one that is to stay down. Waits for ten seconds at most.
void wait_until_wanted(const Suite& suite, const std::string& service);

}  // namespace grey::svctool
