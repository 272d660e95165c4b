// Times as a database writes them: year, month, day, hour, minute and second of some time zone.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "greyd/base/seconds.h"

namespace grey::imports {

struct CivilTime {
  int year = 1970;
  unsigned month = 1, day = 1, hour = 0, minute = 0, second = 0;
  bool operator==(const CivilTime&) const = default;
};

// "2026-11-26 10:20:30", with a fraction behind it, which does not count; or "20261126102030", as
// MySQL before 4.1 writes a timestamp. Nothing for what is no time, but for a date of all zeros,
// which is one there: the value has year 0.
std::optional<CivilTime> parse_civil_time(std::string_view text);

// A time of some place as seconds since 1970.
using LocalTime = std::function<Seconds(const CivilTime&)>;
// This host's, by mktime(3), which is asked once for each hour that comes: it looks at the disk.
LocalTime host_time();

// Which zone a time is of.
struct Zone {
  std::optional<Seconds> offset;  // east of UTC; absent: that of `local`
  const LocalTime* local;
};

// "+00:00", "-03:30": seconds east of UTC. Nothing for any other text.
std::optional<Seconds> parse_offset(std::string_view text);

// A date of zeros is long past: 0. Year 9999, which stands for "for ever", is kNever (item.h).
Seconds to_seconds(const CivilTime& time, const Zone& zone);

}  // namespace grey::imports
