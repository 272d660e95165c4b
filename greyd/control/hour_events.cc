#include "greyd/control/hour_events.h"

#include <string>
#include <string_view>

#include "greyd/fronts/counters_text.h"

namespace grey {
namespace {

constexpr std::string_view kUdpFaults = "udp.faults.", kPolicyFaults = "policy.faults.";

void add_fault(HourEvents& events, std::string_view name, Count count) {
  if (count == 0) return;
  if (name.starts_with(kUdpFaults)) {
    events.faults["udp." + std::string(name.substr(kUdpFaults.size()))] = count;
  } else if (name.starts_with(kPolicyFaults)) {
    events.faults["policy." + std::string(name.substr(kPolicyFaults.size()))] = count;
  }
}

}  // namespace

HourEvents hour_events(const Counters& counters) {
  HourEvents events;
  const UdpCounters& udp = counters.udp;
  const MtaCounters& policy = counters.policy;
  events.udp = udp.decided;
  events.policy = policy.decided;
  events.foreign = udp.foreign;
  events.lost = udp.overflow + udp.backlog + udp.undecided + udp.overdue + udp.unsent +
                policy.undecided + policy.overdue + policy.unanswered;
  events.evicted = counters.evicted;
  visit_counters(counters,
                 [&](std::string_view name, Count count) { add_fault(events, name, count); });
  return events;
}

}  // namespace grey
