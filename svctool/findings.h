// What a check finds, and the part of it that is pure: judging the differences between a plan and
// the machine.
#pragma once

#include <string>
#include <vector>

#include "svctool/compare.h"
#include "svctool/probe.h"
#include "svctool/service_request.h"

namespace grey::svctool {

struct Findings {
  std::string subject;               // the directory or file that was checked
  std::vector<std::string> differs;  // what is wrong
  std::vector<std::string> notes;    // what the operator has decided otherwise: no fault
  std::vector<Probe> daemons;        // that were asked

  bool good() const;
};

// A file or directory that is missing or that something else is in the way of, another content,
// mode or owner is a fault. A setting that the operator has edited or emptied is a note, unless the
// daemon could not use it.
void judge_changes(const Comparison& comparison, Findings& findings);

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
