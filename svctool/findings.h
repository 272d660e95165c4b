// What a check finds, and the part of it that is pure: judging the differences between a plan and
// the machine.
#pragma once

#include <string>
#include <vector>

#include "svctool/compare.h"
#include "svctool/probe.h"
#include "svctool/service_request.h"
#include "svctool/service_state.h"

namespace grey::svctool {

struct Findings {
  std::string subject;               // the directory or file that was checked
  std::vector<std::string> differs;  // what is wrong
  std::vector<std::string> notes;    // what the operator has decided otherwise: no fault
  std::vector<Probe> daemons;        // that were asked

  bool good() const;
};

// What the plan was made of: for the words of a note.
enum class Basis { installed, options };  // .options; those on the command line

// A file or directory that is missing or that something else is in the way of, another content,
// mode or owner is a fault. A setting that the operator has edited or emptied is a note, unless the
// daemon could not use it.
void judge_changes(const Comparison& comparison, Basis basis, Findings& findings);

// A service's daemon, as it was seen over a few seconds. See observe.h.
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
  std::string log;    // a file, or a command
  std::string start;  // command that starts a daemon that was put down
};

// `dry_run`: the daemon is set to one.
void judge_daemon(const Observation& seen, const Places& places, bool dry_run, Findings& findings);

// `service`: that of the log. `start`: command that starts it.
void judge_log(const LogObservation& seen, const std::string& service, const std::string& start,
               Findings& findings);

// DRY_RUN as `run` takes it.
bool is_dry_run(std::string_view value);

// The value in force of a variable: what the disk has, or else the plan. Empty when it
// is not set.
std::string value_in_force(const Plan& plan, const Comparison& comparison, std::string_view name);

// A memory limit that --max-records has outgrown, both as they are in force.
void judge_memory(const ServiceRequest& request, const std::string& memory,
                  const std::string& max_records, Findings& findings);

// Lines for the operator, or an object for programs.
std::string to_text(const Findings& findings);
std::string to_json(const Findings& findings);

}  // namespace grey::svctool
