// What a supervisor says of a service's daemon, and which process listens somewhere.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "greyd/endpoint.h"
#include "greyd/error.h"
#include "svctool/supervisor.h"

namespace grey::svctool {

struct ServiceState {
  bool up = false;
  bool wanted = false;  // it is started again when it ends
  pid_t pid = 0;        // of the daemon, when it is up
  bool paused = false;  // it was told to stand still, as by svc -p
};

// Of `service`'s daemon. An error when there is no supervisor to ask, or when only root may.
Result<ServiceState> service_state(const Suite& suite, const std::string& service);

// How many seconds ago the process was started; 0 when that is not told.
double age_of(pid_t pid);

// Whether the process has a UDP socket there, or on that port of every address. Nothing when only
// root can tell.
std::optional<bool> listens_at(pid_t pid, const Endpoint& endpoint);

// "process 123 (qmail-greyd)": the first one that has. Empty when none is found.
std::string find_listener(const Endpoint& endpoint);

// ---- pure: nothing when the text is not what it should be

// When a process was started, in clock ticks since the machine was: the text of /proc/PID/stat.
std::optional<std::uint64_t> parse_start(std::string_view text);
// The file supervise/status of daemontools and runit.
std::optional<ServiceState> parse_status_file(std::string_view bytes);
// `s6-svstat -o up,wantedup,pid`
std::optional<ServiceState> parse_s6_state(std::string_view text);
// `systemctl show -p ActiveState -p MainPID`
std::optional<ServiceState> parse_systemd_state(std::string_view text);
// The inodes of such sockets in the text of /proc/net/udp or udp6.
std::set<std::string> parse_udp_table(std::string_view text, const Endpoint& endpoint);

}  // namespace grey::svctool
