#include "greyd/shared/counters_text.h"

#include <string>

namespace grey::shared {
namespace {

void visit_faults(const std::string& name, const StoreFaults& faults, const VisitCounter& visit) {
  for (std::size_t i = 0; i < faults.size(); ++i) {
    visit(name + std::string(to_string(Fault(i))), faults[i]);
  }
}

}  // namespace

void visit_counters(const SharedCounters& counters, const StoreCounters& link,
                    const VisitCounter& visit) {
  visit("store.asked", counters.decider.asked);
  visit("store.unanswered", counters.decider.unanswered);
  visit("store.told", counters.decider.told);
  visit("store.untold", counters.decider.untold);
  visit("store.healed", counters.member.healed);
  visit("store.healings", counters.member.healings);
  visit("store.data-lost", counters.member.lost);
  visit("store.other-policy", counters.member.other_policy);
  visit("store.other-clock", counters.member.other_clock);
  visit("store.orders.said", counters.orders.said);
  visit("store.orders.heard", counters.orders.heard);
  visit("store.orders.refused", counters.orders.refused);
  visit("store.orders.dropped", counters.orders.dropped);
  visit("store.calls", link.calls);
  visit("store.answered", link.answered);
  visit_faults("store.failures.", link.failures, visit);
  visit("store.connects", link.connects);
  visit_faults("store.connect-failures.", link.connect_failures, visit);
  visit("store.losses", link.losses);
  visit("store.breaker-opened", link.opened);
  visit("store.probes", link.probes);
  visit("store.switches", link.switches);
  visit("store.scripts-loaded", link.scripts_loaded);
}

}  // namespace grey::shared
