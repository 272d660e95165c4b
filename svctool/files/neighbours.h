// Other greylisting services beside one that is to be installed.
#pragma once

#include <string>
#include <vector>

#include "svctool/plan/service_request.h"

namespace grey::svctool {

// Those that svctool made in the same directory and that listen, as they are set now, where this
// one would: only one of them can.
std::vector<std::string> with_same_address(const ServiceRequest& request);

}  // namespace grey::svctool
