// What the hourly totals keep of the counters.
#pragma once

#include "greyd/base/counters.h"
#include "greyd/state/totals_text.h"

namespace grey {

HourEvents hour_events(const Counters& counters);

}  // namespace grey
