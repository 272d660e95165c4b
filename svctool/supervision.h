// supervise(8) of daemontools, and what runit and s6 have in its place: all three are asked and
// told through the fifos in the directory `supervise` of a service.
#pragma once

#include <string>

#include "greyd/error.h"

namespace grey::svctool {

bool is_supervised(const std::string& service);

// Whether this process is not allowed to find that out.
bool is_supervision_hidden(const std::string& service);

// Tells the supervisor, as svc(8) does: each letter is a command ("d" down, "x" exit).
Result<void> tell_supervisor(const std::string& service, const std::string& commands);

// Waits until no supervisor runs there. False when `seconds` have passed.
bool wait_until_unsupervised(const std::string& service, int seconds);

}  // namespace grey::svctool
