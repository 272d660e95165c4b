// The counters of a shared state by their names, each "store." and its own.
#pragma once

#include "greyd/base/counters.h"
#include "greyd/shared/shared_state.h"

namespace grey::shared {

void visit_counters(const SharedCounters& counters, const StoreCounters& link,
                    const VisitCounter& visit);

}  // namespace grey::shared
