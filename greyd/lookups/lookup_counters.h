// What has happened to look-ups since the start; as counters.h has it.
#pragma once

#include <array>

#include "greyd/base/counters.h"
#include "greyd/spf/flattened.h"

namespace grey {

struct LookupCounters {
  Count asked = 0;                           // domains that the helper was asked about
  std::array<Count, spf::kEnds> answered{};  // by spf::Ended
  Count refused = 0;    // domains that were not asked about: too many waited, or there is no helper
  Count timed_out = 0;  // of those asked: without an answer in time
  Count lost = 0;       // of those: the helper has died
  Count evicted = 0;    // domains that had to go for others
  Count restarts = 0;   // times that the helper was started anew
  Count bad = 0;        // what it said that is no answer, or to no question
};

// Each by its name: "lookups.asked".
void visit_counters(const LookupCounters& counters, const VisitCounter& visit);

}  // namespace grey
