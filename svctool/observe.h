// Looks at a service's daemon for a while: what its supervisor says, who has the port, and who
// answers there.
#pragma once

#include <optional>
#include <string>

#include "svctool/findings.h"
#include "svctool/service_state.h"

namespace grey::svctool {

// Ends as soon as the daemon answers, or is down and to stay so; otherwise after `seconds`.
// `before`: a process that is on its way out, whose end is waited for first. 0: none.
Observation observe(const Suite& suite, const std::string& service, const Endpoint& listen,
                    int seconds, pid_t before = 0);

// What a service listens on, to be asked from this host. Nothing when `listen` is no address.
std::optional<Endpoint> own_endpoint(const std::string& listen);

Places places_of(const Suite& suite, const std::string& service);

}  // namespace grey::svctool
