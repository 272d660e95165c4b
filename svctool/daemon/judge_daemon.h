// Judges a service's daemon, what writes its log, and what supervises both, by what was seen of
// them. Pure. See observe.h for who looks.
#pragma once

#include <optional>
#include <string>

#include "svctool/daemon/log_service.h"
#include "svctool/daemon/observe.h"
#include "svctool/plan/findings.h"

namespace grey::svctool {

// What the daemon is set to, as far as it says how the daemon answers a probe.
struct Answering {
  bool dry_run = false;
  bool rules = false;  // it has some
};
void judge_daemon(const Observation& seen, const Places& places, const Answering& set,
                  Findings& findings);

// A daemon that an SMTP server asks.
void judge_asked_daemon(const Probe& probe, Findings& findings);

// `service`: that of the log. `start`: command that starts it.
void judge_log(const LogObservation& seen, const std::string& service, const std::string& start,
               Findings& findings);

// Nothing: a supervisor runs there.
std::optional<Finding> judge_supervision(const Supervision& seen);

}  // namespace grey::svctool
