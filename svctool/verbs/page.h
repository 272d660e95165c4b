// The service of a page (plan/service_request.h): what the verbs do with one.
#pragma once

#include <sys/types.h>

#include <string>

#include "greyd/base/error.h"
#include "svctool/plan/findings.h"
#include "svctool/plan/service_request.h"

namespace grey::svctool {

// What is served there, and by whom. `supervised`: there is somebody to ask.
void judge_running_page(const ServiceRequest& page, const std::string& service, bool supervised,
                        Findings& findings);

// As restart_daemon() and start_daemon(); a page has nothing to save.
Result<int> restart_page(const ServiceRequest& page, const std::string& service);
Result<int> start_page(const ServiceRequest& page, const std::string& service);

// The page beside the service directory `service`, "/service/greylist.1999.serve"; empty: there is
// none of svctool's.
std::string find_page_of(const std::string& service);

}  // namespace grey::svctool
