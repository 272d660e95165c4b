#include "greyd/fronts/counters_text.h"

#include <array>
#include <numeric>
#include <string_view>

#include "greyd/base/append.h"
#include "greyd/core/suspicion.h"
#include "greyd/fronts/mta_request.h"

namespace grey {
namespace {

// Gives the visitor each counter with its part's name before its own.
class Visitor {
 public:
  explicit Visitor(const VisitCounter& visit) : visit_(visit) {}
  void add(std::string_view part, std::string_view name, Count count) const {
    visit_(std::string(part).append(".").append(name), count);
  }
  template <typename Name, std::size_t size>
  void add_each(std::string_view part, const std::array<Count, size>& counts, Name name) const {
    for (std::size_t i = 0; i < size; ++i) add(part, name(i), counts[i]);
  }

 private:
  const VisitCounter& visit_;
};

std::string_view reason_name(std::size_t i) {
  return wire::to_string(wire::Reason(i));
}
std::string_view mta_fault_name(std::size_t i) {
  if (i == MtaCounters::kBadClient) return "bad-client";
  if (i == MtaCounters::kNoClient) return "no-client";
  return to_string(MtaFault(i));
}

void add(const Visitor& visitor, const UdpCounters& udp) {
  visitor.add_each("udp.decided", udp.decided, reason_name);
  visitor.add_each("udp.faults", udp.faults,
                   [](std::size_t i) { return wire::to_string(wire::Fault(i)); });
  visitor.add("udp", "foreign", udp.foreign);
  visitor.add("udp", "overflow", udp.overflow);
  visitor.add("udp", "backlog", udp.backlog);
  visitor.add("udp", "undecided", udp.undecided);
  visitor.add("udp", "overdue", udp.overdue);
  visitor.add("udp", "unsent", udp.unsent);
}

void add(const Visitor& visitor, std::string_view part, const StreamCounters& of) {
  visitor.add(part, "accepted", of.accepted);
  visitor.add(part, "refused", of.refused);
  visitor.add(part, "unaccepted", of.unaccepted);
  visitor.add(part, "paused", of.paused);
  visitor.add(part, "broken", of.broken);
  visitor.add(part, "unfinished", of.unfinished);
  visitor.add(part, "idle", of.idle);
  visitor.add(part, "crowded-out", of.crowded_out);
  visitor.add(part, "out-of-memory", of.out_of_memory);
}

void add(const Visitor& visitor, const MtaCounters& policy) {
  visitor.add_each("policy.decided", policy.decided, reason_name);
  visitor.add("policy", "no-opinion", policy.no_opinion);
  visitor.add_each("policy.faults", policy.faults, mta_fault_name);
  visitor.add("policy", "undecided", policy.undecided);
  visitor.add("policy", "overdue", policy.overdue);
  visitor.add("policy", "unanswered", policy.unanswered);
  add(visitor, "policy.connections", policy.connections);
}

void add(const Visitor& visitor, const StateCounters& state) {
  visitor.add("state", "saved", state.saved);
  visitor.add("state", "save-failures", state.save_failures);
  visitor.add("state", "journal-failures", state.journal_failures);
  visitor.add("state", "unjournaled", state.unjournaled);
  visitor.add("state", "lost-records", state.lost_records);
  visitor.add("state", "lost-changes", state.lost_changes);
}

void add(const Visitor& visitor, const AttemptTotals& attempts) {
  visitor.add("attempts", "first", attempts.first);
  visitor.add("attempts", "passed",
              std::accumulate(attempts.passed.begin(), attempts.passed.end(), Count{0}));
  visitor.add("attempts", "waited", attempts.waited);
  visitor.add("attempts", "trusted", attempts.trusted);
  visitor.add("attempts", "never", attempts.never);
  visitor.add("attempts.first", "suspect", attempts.suspect.first);
  visitor.add("attempts.first", "unsuspect", attempts.unsuspect.first);
  visitor.add("attempts.passed", "suspect", attempts.suspect.passed);
  visitor.add("attempts.passed", "unsuspect", attempts.unsuspect.passed);
  visitor.add_each("suspicions", attempts.suspicions,
                   [](std::size_t i) { return to_string(Suspicion(i)); });
}

// What stands around each.
struct Form {
  std::string_view begin, before, between, after_name, end;
};
constexpr Form kPlain{"counters", " ", " ", "=", ""};
constexpr Form kJson{R"({"level":"info","message":"counters","counters":{)", "\"", ",\"",
                     "\":", "}}"};

// Those that are not 0.
std::string text_in(const Form& form, const Counters& counters, const MoreCounters& more) {
  std::string text(form.begin);
  bool first = true;
  const VisitCounter add = [&](std::string_view name, Count count) {
    if (count == 0) return;
    text.append(first ? form.before : form.between).append(name).append(form.after_name);
    append_number(text, count);
    first = false;
  };
  visit_counters(counters, add);
  if (more) more(add);
  return text.append(form.end);
}

}  // namespace

void visit_counters(const Counters& counters, const VisitCounter& visit) {
  const Visitor visitor(visit);
  add(visitor, counters.udp);
  add(visitor, counters.policy);
  add(visitor, "control.connections", counters.control);
  add(visitor, counters.state);
  add(visitor, counters.attempts);
  visitor.add("pools", "passed", counters.pools.passed);
  visitor.add("pools", "joined", counters.pools.joined);
  visitor.add("pools", "unlearned", counters.pools.unlearned);
  visitor.add("pools", "dropped", counters.pools.dropped);
  visitor.add("replies", "told", counters.replies.told);
  visitor.add("replies", "unfit", counters.replies.unfit);
  visitor.add("records", "evicted", counters.evicted);
  visitor.add("records", "evicted-over-share", counters.evicted_over_share);
  visitor.add("log", "lines", counters.log_lines);
  visitor.add("loop", "unexpected", counters.unexpected);
}

std::string to_text(const Counters& counters) {
  return text_in(kPlain, counters, {});
}

void append_counters(std::string& out, LogFormat format, const Counters& counters,
                     const MoreCounters& more) {
  if (format == LogFormat::plain) out += "info: ";
  if (format == LogFormat::logfmt) out += "level=info message=";
  out += text_in(format == LogFormat::json ? kJson : kPlain, counters, more);
  out += '\n';
}

}  // namespace grey
