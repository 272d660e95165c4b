// What is installed for a greylisting service. Pure: a request becomes a plan.
//
// A greylisting service listening on port 1999 is
//
//   SERVICEDIR/greylist.1999/            mode 1755: the sticky bit makes svscan start log/ as well
//     run                                reads nothing but variables/
//     variables/NAME                     one setting each, read by envdir; empty: not set
//     log/run, log/variables/NAME        the same for multilog
//     .options                           the command line, an argument a line
//   CNTRLDIR/                            the daemon's CONTROLDIR: context file, lists
//   LOGDIR/greylist.1999/                multilog's directory
//
// and what serves its report and figures, when --serve asks for that, is one more of that kind,
//
//   SERVICEDIR/greylist.1999.serve/      variables SERVE, SERVICE, SERVICE_USER
//   LOGDIR/greylist.1999.serve/
//
// and under systemd, whose journal has the log,
//
//   SERVICEDIR/greylist.1999/
//     run                                the same script
//     environment                        the settings, a line NAME=VALUE each
//     .options
//   /etc/systemd/system/greylist.1999.service
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "svctool/plan/plan.h"
#include "svctool/plan/service_request.h"

namespace grey::svctool {

// A file below variables/ or log/variables/, or under systemd a line of `environment`.
struct Variable {
  std::string name;
  std::string value;  // that the request's options give it; empty: not set
  Entry::Role role = Entry::Role::setting;
  std::string option = {};      // of svctool, without the dashes; empty: none
  const Setting* setting = {};  // when it is in the table
  bool of_log = false;
};
// All that a service has.
std::vector<Variable> variables_of(const ServiceRequest& request);

// The value of one as it will be in force: what a hand has set it to, or the options.
std::string value_in_force(const ServiceRequest& request, std::string_view name);

// As `run` finds a relative one from the service's own directory.
std::string control_directory(const ServiceRequest& request);

// Who runs the program; empty: whoever starts it.
std::string service_user(const ServiceRequest& request);

// The context file as the daemon finds it: absolute, where CONTROLDIR is.
std::string context_path(const ServiceRequest& request);

// Directories that the daemon writes to: those of its context file and of the sockets in POLICY.
std::vector<std::string> writable_directories(const ServiceRequest& request);

// REQUIRES: check_request().
Plan plan_service(const ServiceRequest& request);

// What the user of a log has to be able to do in its directory.
std::vector<Access> log_accesses(const std::string& directory, const std::string& user);

}  // namespace grey::svctool
