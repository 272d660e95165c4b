// The counters by name, and in words for a line of the log.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "greyd/base/counters.h"
#include "greyd/base/log_format.h"

namespace grey {

// For each counter, in an order of their parts.
void visit_counters(const Counters& counters, const VisitCounter& visit);

// "counters udp.decided.new=3 udp.faults.bad-client=1 log.lines=2": those that are not 0, each
// named by its part. Just "counters" when all are.
std::string to_text(const Counters& counters);

// The same as a line of the log:
//   info: counters udp.decided.new=3
//   level=info message=counters udp.decided.new=3
//   {"level":"info","message":"counters","counters":{"udp.decided.new":3}}
// `more`: visits those that are not in `counters`; absent: there are none.
using MoreCounters = std::function<void(const VisitCounter& visit)>;
void append_counters(std::string& out, LogFormat format, const Counters& counters,
                     const MoreCounters& more = {});

}  // namespace grey
