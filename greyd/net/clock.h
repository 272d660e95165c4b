// The clocks, for those who call what takes a time as an argument: nothing else reads them.
#pragma once

#include "greyd/base/seconds.h"

namespace grey {

Seconds wall_clock();       // since 1970; may be set, and leap
Seconds monotonic_clock();  // since some start; is never set

}  // namespace grey
