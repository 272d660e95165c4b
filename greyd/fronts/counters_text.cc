#include "greyd/fronts/counters_text.h"

#include <array>
#include <string_view>
#include <utility>

#include "greyd/base/append.h"
#include "greyd/fronts/mta_request.h"

namespace grey {
namespace {

// What stands around each.
struct Form {
  std::string_view begin, before, between, after_name, end;
};
constexpr Form kPlain{"counters", " ", " ", "=", ""};
constexpr Form kJson{R"({"level":"info","message":"counters","counters":{)", "\"", ",\"",
                     "\":", "}}"};

class Line {
 public:
  explicit Line(const Form& form) : form_(form), text_(form.begin) {}

  void add(std::string_view part, std::string_view name, Count count) {
    if (count == 0) return;
    text_.append(first_ ? form_.before : form_.between);
    text_.append(part).append(".").append(name).append(form_.after_name);
    append_number(text_, count);
    first_ = false;
  }
  template <typename Name, std::size_t size>
  void add_each(std::string_view part, const std::array<Count, size>& counts, Name name) {
    for (std::size_t i = 0; i < size; ++i) add(part, name(i), counts[i]);
  }
  std::string take() { return std::move(text_.append(form_.end)); }

 private:
  const Form& form_;
  std::string text_;
  bool first_ = true;
};

std::string_view reason_name(std::size_t i) {
  return wire::to_string(wire::Reason(i));
}
std::string_view mta_fault_name(std::size_t i) {
  if (i == MtaCounters::kBadClient) return "bad-client";
  if (i == MtaCounters::kNoClient) return "no-client";
  return to_string(MtaFault(i));
}

void add(Line& line, const UdpCounters& udp) {
  line.add_each("udp.decided", udp.decided, reason_name);
  line.add_each("udp.faults", udp.faults,
                [](std::size_t i) { return wire::to_string(wire::Fault(i)); });
  line.add("udp", "foreign", udp.foreign);
  line.add("udp", "overflow", udp.overflow);
  line.add("udp", "backlog", udp.backlog);
  line.add("udp", "undecided", udp.undecided);
  line.add("udp", "overdue", udp.overdue);
  line.add("udp", "unsent", udp.unsent);
}

void add(Line& line, const MtaCounters& policy) {
  line.add_each("policy.decided", policy.decided, reason_name);
  line.add("policy", "no-opinion", policy.no_opinion);
  line.add_each("policy.faults", policy.faults, mta_fault_name);
  line.add("policy", "undecided", policy.undecided);
  line.add("policy", "overdue", policy.overdue);
  line.add("policy", "unanswered", policy.unanswered);
  const StreamCounters& of = policy.connections;
  line.add("policy.connections", "accepted", of.accepted);
  line.add("policy.connections", "refused", of.refused);
  line.add("policy.connections", "unaccepted", of.unaccepted);
  line.add("policy.connections", "paused", of.paused);
  line.add("policy.connections", "broken", of.broken);
  line.add("policy.connections", "unfinished", of.unfinished);
  line.add("policy.connections", "idle", of.idle);
  line.add("policy.connections", "crowded-out", of.crowded_out);
  line.add("policy.connections", "out-of-memory", of.out_of_memory);
}

void add(Line& line, const StateCounters& state) {
  line.add("state", "saved", state.saved);
  line.add("state", "save-failures", state.save_failures);
  line.add("state", "journal-failures", state.journal_failures);
  line.add("state", "unjournaled", state.unjournaled);
  line.add("state", "lost-records", state.lost_records);
  line.add("state", "lost-changes", state.lost_changes);
}

std::string text_in(const Form& form, const Counters& counters) {
  Line line(form);
  add(line, counters.udp);
  add(line, counters.policy);
  add(line, counters.state);
  line.add("records", "evicted", counters.evicted);
  line.add("log", "lines", counters.log_lines);
  line.add("loop", "unexpected", counters.unexpected);
  return line.take();
}

}  // namespace

std::string to_text(const Counters& counters) {
  return text_in(kPlain, counters);
}

void append_counters(std::string& out, LogFormat format, const Counters& counters) {
  if (format == LogFormat::plain) out += "info: ";
  if (format == LogFormat::logfmt) out += "level=info message=";
  out += text_in(format == LogFormat::json ? kJson : kPlain, counters);
  out += '\n';
}

}  // namespace grey
