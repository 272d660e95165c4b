// Judges what differs between a service and its plan. Pure.
#pragma once

#include <string>
#include <string_view>

#include "svctool/files/compare.h"
#include "svctool/plan/findings.h"
#include "svctool/plan/service_request.h"

namespace grey::svctool {

// What the plan was made of: for the words of a note.
enum class Basis { installed, options };  // .options; those on the command line

// A file or directory that is missing or that something else is in the way of, another content,
// mode or owner is a fault. A setting that the operator has edited or emptied is a note, unless the
// daemon could not use it.
void judge_changes(const Comparison& comparison, Basis basis, Findings& findings);

// The value in force of a variable: what the disk has, or else the plan. Empty when it
// is not set.
std::string value_in_force(const Plan& plan, const Comparison& comparison, std::string_view name);

// A memory limit that --max-records has outgrown, both as they are in force.
void judge_memory(const ServiceRequest& request, const std::string& memory,
                  const std::string& max_records, Findings& findings);

}  // namespace grey::svctool
