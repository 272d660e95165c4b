// A tree that is made for another machine, below --destdir. Its links mean paths of that machine,
// but would be followed on this one.
#pragma once

#include <string>

#include "greyd/error.h"

namespace grey::svctool {

// An error when a link on the way to `path`, which is below `destdir`, leads out of that. No
// `destdir`: none can.
Result<void> stays_within(const std::string& destdir, const std::string& path);

}  // namespace grey::svctool
