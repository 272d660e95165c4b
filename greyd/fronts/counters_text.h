// The counters by name, and in words for a line of the log.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "greyd/base/counters.h"
#include "greyd/base/log_format.h"

namespace grey {

// Calls visit("udp.decided.new", 3) for each counter, in an order of their parts.
using VisitCounter = std::function<void(std::string_view name, Count count)>;
void visit_counters(const Counters& counters, const VisitCounter& visit);

// "counters udp.decided.new=3 udp.faults.bad-client=1 log.lines=2": those that are not 0, each
// named by its part. Just "counters" when all are.
std::string to_text(const Counters& counters);

// The same as a line of the log:
//   info: counters udp.decided.new=3
//   level=info message=counters udp.decided.new=3
//   {"level":"info","message":"counters","counters":{"udp.decided.new":3}}
void append_counters(std::string& out, LogFormat format, const Counters& counters);

}  // namespace grey
