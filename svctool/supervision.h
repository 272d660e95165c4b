// What supervises a service, asked and told. supervise(8) of daemontools, and what runit and s6
// have in its place: all three through the fifos in the directory `supervise` of the service.
// systemd through systemctl(1).
#pragma once

#include <string>
#include <vector>

#include "greyd/error.h"
#include "svctool/supervisor.h"

namespace grey::svctool {

bool is_supervised(const std::string& service);

// Whether this process is not allowed to find that out.
bool is_supervision_hidden(const std::string& service);

// Whether systemd runs this machine, as sd_booted(3) finds out.
bool systemd_runs();

// Has systemctl do this: {"restart", "x.service"}.
Result<void> tell_systemd(const std::vector<std::string>& arguments);

// Saves, exits and starts again.
Result<void> restart_service(const Suite& suite, const std::string& service);

// Lets the daemon read its lists again, starts one that is down, or ends it until it is started.
Result<void> reload_service(const Suite& suite, const std::string& service);
Result<void> start_service(const Suite& suite, const std::string& service);
Result<void> put_down(const Suite& suite, const std::string& service);

constexpr int kStopSeconds = 300;  // a daemon with many records saves for a while

// Ends the daemon, then what writes its log, and what supervises both. The supervisor's scanner
// must not see the service any more, or it starts it again. Of systemd's unit also its start at
// boot. An error when one of them does not end within five minutes.
Result<void> stop_service(const Suite& suite, const std::string& service);

// Tells the supervisor, as svc(8) does: each letter is a command ("d" down, "x" exit).
Result<void> tell_supervisor(const std::string& service, const std::string& commands);

// Waits until no supervisor runs there. False when `seconds` have passed.
bool wait_until_unsupervised(const std::string& service, int seconds);

}  // namespace grey::svctool
