#include <string>

#include "greyd/lookups/lookup_counters.h"

namespace grey {

void visit_counters(const LookupCounters& counters, const VisitCounter& visit) {
  visit("lookups.asked", counters.asked);
  for (std::size_t i = 0; i < spf::kEnds; ++i) {
    visit("lookups.answered." + std::string(to_string(spf::Ended(i))), counters.answered[i]);
  }
  visit("lookups.refused", counters.refused);
  visit("lookups.timed-out", counters.timed_out);
  visit("lookups.lost", counters.lost);
  visit("lookups.evicted", counters.evicted);
  visit("lookups.restarts", counters.restarts);
  visit("lookups.bad", counters.bad);
}

}  // namespace grey
