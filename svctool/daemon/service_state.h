// Asks a supervisor for the state of a service's daemon.
#pragma once

#include <string>

#include "greyd/base/error.h"
#include "svctool/plan/service_status.h"
#include "svctool/plan/suite.h"

namespace grey::svctool {

// Of `service`'s daemon. An error when there is no supervisor to ask, or when only root may.
Result<ServiceState> service_state(const Suite& suite, const std::string& service);

}  // namespace grey::svctool
