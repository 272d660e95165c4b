// Tells a service's daemon what to do, whatever supervises it. Each looks first whether that can
// succeed, and says what has come of it; the result is the exit code. See also restart.h.
#pragma once

#include <string>

#include "greyd/base/error.h"

namespace grey::svctool {

// Has it read its lists. An error when they, or anything else, would stop a start.
Result<int> reload_daemon(const std::string& service);

// Starts a daemon that is down, and waits until it answers.
Result<int> start_daemon(const std::string& service);

// Lets it save and exit, and says how long that lasts. One of whose directory no scanner takes
// notice any more ends for good, together with what supervises it.
Result<int> stop_daemon(const std::string& service);

}  // namespace grey::svctool
