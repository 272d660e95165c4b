// Looks at a service's daemon for a while: what its supervisor says, who has the port, and who
// answers there.
#pragma once

#include <optional>
#include <string>

#include "svctool/daemon/probe.h"
#include "svctool/daemon/service_state.h"
#include "svctool/plan/suite.h"

namespace grey::svctool {

// A service's daemon, as it was seen over a few seconds.
struct Observation {
  Probe probe;
  std::optional<ServiceState> state;  // the last; absent: nobody to ask, or only root may
  bool restarts = false;              // several processes, none of which answered
  std::optional<bool> listens;        // the process has that port; absent: only root can tell
  std::string other;                  // who else has it: "process 123 (qmail-greyd)"
};

// Where the operator looks next.
struct Places {
  std::string service;
  std::string log;     // a file, or a command
  std::string start;   // command that starts a daemon that was put down
  std::string reason;  // what a daemon that has ended said last; empty: not known
};

// Ends as soon as the daemon answers, or is down and to stay so; otherwise after `seconds`.
// `listen`: where it is set to; every address is asked at 127.0.0.1.
// `before`: a process that is on its way out, whose end is waited for first. 0: none.
Observation observe(const Suite& suite, const std::string& service, const Endpoint& listen,
                    int seconds, pid_t before = 0);

// Where a daemon that listens there can be asked from this host.
Endpoint own_endpoint(const Endpoint& listen);

// The file with a key of the service's daemon, where that is needed to ask it from this host;
// empty: it is not.
std::string own_key_file(const std::string& service);

Places places_of(const Suite& suite, const std::string& service);

// Whether a supervisor runs in a service directory, and why none does.
struct Supervision {
  std::string service;
  bool hidden = false;  // only root can see it
  bool supervised = false;
  bool has_run = false;       // one has run there before
  std::string scanner;        // the program that starts services; of its suite
  std::string watched;        // the directory that such a one watches and the service is in
  std::optional<double> age;  // seconds since the service has come there
  std::string rescan;         // command by which the scanner looks; empty: it does by itself
};
constexpr double kScanSeconds = 5;  // svscan(8) and runsvdir(8) look that often

// Waits for a moment where the service is new and is about to be seen.
Supervision look_at_supervision(const Suite& suite, const std::string& service);

}  // namespace grey::svctool
