// Lets a service's daemon start again with its settings as they are now.
#pragma once

#include <sys/types.h>

#include <string>

#include "greyd/base/error.h"
#include "greyd/wire/endpoint.h"
#include "svctool/daemon/look_at.h"
#include "svctool/plan/service_request.h"

namespace grey::svctool {

// A daemon that could not start again is left running: an error that says why. Waits until the new
// one answers; when it does not, or is down and to stay so, prints what a check would, and the exit
// code is 1.
Result<int> restart_daemon(const std::string& service);

// A service as it stands, for who is about to start its daemon: its options, and what a hand has
// changed. An error where others could have written to it.
Result<ServiceRequest> read_standing(const std::string& service);

// An error when its daemon could not start with its settings as they are now.
Result<void> could_start(const ServiceRequest& request, const std::string& service);

// An error when a daemon that ends now could not save what it has learnt; where another is to
// follow at once, also when that one could not save.
enum class Then { nothing, another };
Result<void> check_save(const Seen& seen, Then then);

// An error when another daemon has the state that this one is to go on with.
Result<void> check_state_is_free(const Seen& seen);

// Where it is asked, by LISTEN.
Result<Endpoint> listen_endpoint(const std::string& service);

// Waits until a daemon that has been started answers, and prints what a check would when it does
// not; the result is the exit code. `before`: the process that is to end first; 0: none.
Result<int> report_answer(const Suite& suite, const std::string& service, const Endpoint& endpoint,
                          pid_t before);

// An error when the process does nothing of what it is told: when a signal or a debugger holds it
// for a few seconds. Waits for that long, and no longer.
Result<void> refuse_standstill(pid_t pid);

}  // namespace grey::svctool
