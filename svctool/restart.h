// Lets a service's daemon start again with its settings as they are now.
#pragma once

#include <string>

#include "greyd/error.h"

namespace grey::svctool {

// A daemon that could not start again is left running: an error that says why. Waits until the new
// one answers; when it does not, or is down and to stay so, prints what a check would, and the exit
// code is 1.
Result<int> restart_daemon(const std::string& service);

}  // namespace grey::svctool
