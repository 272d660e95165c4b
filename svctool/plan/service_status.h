// What a supervisor says of a service's daemon, from the text in which it says so. Pure.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

namespace grey::svctool {

struct ServiceState {
  bool up = false;
  bool wanted = false;  // it is started again when it ends
  pid_t pid = 0;        // of the daemon, when it is up
  bool paused = false;  // it was told to stand still, as by svc -p or kill -STOP
};

// Nothing when the text is not what it should be.
//
// The file supervise/status of daemontools and runit.
std::optional<ServiceState> parse_status_file(std::string_view bytes);
// `s6-svstat -o up,wantedup,pid`
std::optional<ServiceState> parse_s6_state(std::string_view text);
// `systemctl show -p ActiveState -p MainPID`
std::optional<ServiceState> parse_systemd_state(std::string_view text);

}  // namespace grey::svctool
