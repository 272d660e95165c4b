// Who has a port that a service's daemon is to have. A supervisor starts the daemon when it likes:
// between a look at its state and a look at the port it may have come, and is nobody else then.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "svctool/daemon/sockets.h"
#include "svctool/plan/suite.h"

namespace grey::svctool {

// Whether this process is the service's daemon as it is now, whatever was seen before.
bool is_daemon_now(const Suite& suite, const std::string& service, pid_t pid);

// Who has the port and is not the service's daemon as it is now.
std::optional<Holder> find_stranger(const Suite& suite, const std::string& service,
                                    Transport transport, const Endpoint& endpoint);

}  // namespace grey::svctool
