// A tree that is made for another machine, below --destdir. Its links mean paths of that machine,
// but would be followed on this one.
#pragma once

#include <string>

#include "greyd/base/error.h"
#include "svctool/plan/target_path.h"

namespace grey::svctool {

// An error when a link on the way to `path` below `destdir` leads out of that. On this machine
// none can.
Result<void> stays_within(const Destdir& destdir, const TargetPath& path);

}  // namespace grey::svctool
