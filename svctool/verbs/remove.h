// Takes a greylisting service away again.
#pragma once

#include <string>

#include "greyd/base/error.h"
#include "svctool/plan/target_path.h"

namespace grey::svctool {

// Stops daemon and multilog and removes the service directory, and the link to it when `service` is
// one; before that the page beside it, when --serve has made one. Context file, lists and logs
// stay; says where they are. An error when svctool did not make the directory, or when the daemon
// does not end within five minutes: it is then left in place, down.
// `service` is below `destdir`: in another tree than this machine's nothing runs.
Result<int> remove_service(const std::string& service, bool dry_run, const Destdir& destdir = {});

}  // namespace grey::svctool
