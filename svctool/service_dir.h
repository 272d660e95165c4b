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
// and under systemd, whose journal has the log,
//
//   SERVICEDIR/greylist.1999/
//     run                                the same script
//     environment                        the settings, a line NAME=VALUE each
//     .options
//   /etc/systemd/system/greylist.1999.service
#pragma once

#include "svctool/plan.h"
#include "svctool/service_request.h"

namespace grey::svctool {

// REQUIRES: check_request().
Plan plan_service(const ServiceRequest& request);

// What the user of a log has to be able to do in its directory.
std::vector<Access> log_accesses(const std::string& directory, const std::string& user);

}  // namespace grey::svctool
