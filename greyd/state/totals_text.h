// Hourly totals as text: an object of JSON a line, oldest hour first. So they stand in NAME.totals,
// and so the control socket answers {"command":"totals"}.
//
//   {"hour":1764172800,"udp":{"new":12,"early":3,"passed":9},"policy":{"known":70},
//    "faults":{"udp.bad-client":4},"foreign":2,"lost":1,"evicted":1,
//    "first":12,"passed":[0,0,0,0,0,9],"waited":3100,"early":[2],"passed_early":[1],
//    "passed_early_waited":[310],"trusted":1,"never":2,
//    "suspect":{"first":10,"passed":8},"unsuspect":{"first":2,"passed":1},
//    "longest":{"waited":700,"client":"192.0.2.7","sender":"a@example.org","recipient":"b@..."}}
//
// hour: its first second. What happened in it: udp, policy (queries decided, by front and reason),
// faults (what is no query, by front and kind), foreign (datagrams from who may not ask), lost
// (queries that got no answer), evicted (records). What became of the triplets that were first seen
// in it: the others, see AttemptCounts; lists are by class of age (kAgeBounds), without the zeros
// at their end. What is 0 is left out.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "greyd/base/counters.h"
#include "greyd/base/seconds.h"
#include "greyd/core/attempts.h"

namespace grey {

// What has happened in one hour.
struct HourEvents {
  ReasonCounts udp{}, policy{};
  std::map<std::string, Count, std::less<>> faults;
  Count foreign = 0, lost = 0, evicted = 0;

  bool operator==(const HourEvents&) const = default;
  bool empty() const { return *this == HourEvents(); }
};

struct HourTotals {
  Seconds hour = 0;
  HourEvents events;
  AttemptCounts attempts;

  bool operator==(const HourTotals&) const = default;
};

// With its newline.
void append_totals(std::string& out, const HourTotals& totals);

// Nothing for what append_totals() does not write. A field that is unknown is passed over.
std::optional<HourTotals> read_totals(std::string_view line);

// The hour of such a line; nothing where it has none. Faster.
std::optional<Seconds> hour_of_line(std::string_view line);

}  // namespace grey
