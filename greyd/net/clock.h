// The clocks, for those who call what takes a time as an argument: nothing else reads them.
#pragma once

#include <chrono>

#include "greyd/base/seconds.h"

namespace grey {

Seconds wall_clock();       // since 1970; may be set, and leap
Seconds monotonic_clock();  // since some start; is never set
// The same clock, as systemd has it (CLOCK_MONOTONIC).
std::chrono::microseconds monotonic_microseconds();

}  // namespace grey
