// The counters in words, for a line of the log.
#pragma once

#include <string>

#include "greyd/base/counters.h"

namespace grey {

// "counters udp.decided.new=3 udp.faults.bad-client=1 log.lines=2": those that are not 0, each
// named by its part. Just "counters" when all are.
std::string to_text(const Counters& counters);

}  // namespace grey
