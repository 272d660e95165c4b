// Where the programs are.
#pragma once

#include <string>

namespace grey::svctool {

// The prefix that svctool itself is installed below: PREFIX of PREFIX/sbin/svctool. When it runs
// from elsewhere, such as a build directory: the prefix that the build was configured with.
std::string own_prefix();

}  // namespace grey::svctool
