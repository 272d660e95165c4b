// Judges a service's daemon, what writes its log, and what supervises both, by what was seen of
// them. Pure. See observe.h for who looks.
#pragma once

#include <optional>
#include <string>

#include "svctool/findings.h"
#include "svctool/probe.h"
#include "svctool/service_state.h"

namespace grey::svctool {

// A service's daemon, as it was seen over a few seconds.
struct Observation {
  Probe probe;
  std::optional<ServiceState> state;  // the last; absent: nobody to ask, or only root may
  bool restarts = false;              // several processes, none of which answered
  std::optional<bool> listens;        // the process has that port; absent: only root can tell
  std::string other;                  // who else has it: "process 123 (qmail-greyd)"
};

// What writes a service's log, likewise.
struct LogObservation {
  std::optional<ServiceState> state;  // the last; absent: nobody to ask, or only root may
  bool steady = false;                // up, and for long enough to have opened its files
  std::string other_user;             // that it runs as, in the place of the one that is set
};

// Where the operator looks next.
struct Places {
  std::string service;
  std::string log;     // a file, or a command
  std::string start;   // command that starts a daemon that was put down
  std::string reason;  // what a daemon that has ended said last; empty: not known
};

// `dry_run`: the daemon is set to one.
void judge_daemon(const Observation& seen, const Places& places, bool dry_run, Findings& findings);

// A daemon that an SMTP server asks.
void judge_asked_daemon(const Probe& probe, Findings& findings);

// `service`: that of the log. `start`: command that starts it.
void judge_log(const LogObservation& seen, const std::string& service, const std::string& start,
               Findings& findings);

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

// Nothing: a supervisor runs there.
std::optional<Finding> judge_supervision(const Supervision& seen);

}  // namespace grey::svctool
