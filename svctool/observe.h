// Looks at a service's daemon for a while: what its supervisor says, who has the port, and who
// answers there.
#pragma once

#include <optional>
#include <string>

#include "svctool/judge_daemon.h"
#include "svctool/supervisor.h"

namespace grey::svctool {

// Ends as soon as the daemon answers, or is down and to stay so; otherwise after `seconds`.
// `listen`: where it is set to; every address is asked at 127.0.0.1.
// `before`: a process that is on its way out, whose end is waited for first. 0: none.
Observation observe(const Suite& suite, const std::string& service, const Endpoint& listen,
                    int seconds, pid_t before = 0);

// Where a daemon that listens there can be asked from this host.
Endpoint own_endpoint(const Endpoint& listen);

Places places_of(const Suite& suite, const std::string& service);

// Waits for a moment where the service is new and is about to be seen.
Supervision look_at_supervision(const Suite& suite, const std::string& service);

}  // namespace grey::svctool
