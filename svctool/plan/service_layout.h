// The files that a supervisor starts a service from, in the two forms that there are; suite.h says
// which suite has which. Pure.
#pragma once

#include "svctool/plan/plan.h"
#include "svctool/plan/service_request.h"

namespace grey::svctool {

// A service directory with all that a scanner needs to start daemon and log.
void add_scanned_files(const ServiceRequest& request, Plan& plan, PlanBuilder& build);

// A directory with the settings in one file, and systemd's unit.
void add_unit_files(const ServiceRequest& request, Plan& plan, PlanBuilder& build);

}  // namespace grey::svctool
