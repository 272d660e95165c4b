// Takes a greylisting service away again.
#pragma once

#include <string>

#include "greyd/base/error.h"

namespace grey::svctool {

// Stops daemon and multilog and removes the service directory, and the link to it when `service` is
// one; before that the page beside it, when --serve has made one. Context file, lists and logs
// stay; says where they are. An error when svctool did not make the directory, or when the daemon
// does not end within five minutes: it is then left in place, down.
Result<int> remove_service(const std::string& service, bool dry_run);

}  // namespace grey::svctool
