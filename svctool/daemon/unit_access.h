// Whether a supervisor lets the daemon write where its settings want to, and has it in the group
// that they give its control socket: systemd's unit knows what they were when it was written, and
// an administrator may have put more over it.
#pragma once

#include <string>

#include "greyd/base/error.h"
#include "svctool/plan/service_request.h"

namespace grey::svctool {

// Of the service's own directories the first that is read-only to it is an error, or another group.
// Has the suite read its own file of the service first, as that may have changed since. REQUIRES:
// request.by_hand.
Result<void> check_unit_access(const ServiceRequest& request, const std::string& service);

}  // namespace grey::svctool
