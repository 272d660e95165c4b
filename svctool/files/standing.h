// A service that stands already, when it is planned anew: what a hand has changed in it is found,
// and stays.
#pragma once

#include <string>
#include <vector>

#include "svctool/plan/plan.h"
#include "svctool/plan/service_request.h"

namespace grey::svctool {

// Whether what stands there can be an operator's, and warns when another could have written it,
// too. A staging tree is its owner's business.
bool is_believed(const std::string& service, const Destdir& destdir);

// Options that were given last time and are left out now may lead to an empty state.
void warn_of_another_state(const ServiceRequest& request, const std::string& service);

// Fills in request.by_hand from the service directory `service` (with --destdir). `named`: options
// of this call, as .options has them; those that it has come from there name nothing.
// REQUIRES: nobody else can write to the service, see exposures_of().
void find_what_stays(ServiceRequest& request, const std::string& service,
                     const std::vector<std::string>& named);

// Gives the entries of `plan` the contents that stay: files whose value is right already, however
// it is written, and scripts that somebody has edited. What differs from the plan is in plan.kept.
// `scripts`: those, too; not where this call asks for new ones by name. REQUIRES: as above, and
// request.by_hand.
void keep_what_stays(Plan& plan, const ServiceRequest& request, const Destdir& destdir,
                     bool scripts);

}  // namespace grey::svctool
