// Days and hours as this host's clocks show them (TZ).
#pragma once

#include <string>
#include <vector>

#include "greyd/base/seconds.h"

namespace grey::report {

// The first seconds of the days, or weeks from Monday, that `from` to `now` touches. More than
// `most` of them are of wrong clocks, and are not told.
std::vector<Seconds> days_of(Seconds from, Seconds now, bool by_week, std::size_t most = 1000);

unsigned hour_of_day(Seconds time);  // 0 to 23

// By a format of strftime(3); the number where the year is beyond it.
std::string time_text(Seconds time, const char* format = "%Y-%m-%d %H:%M");

}  // namespace grey::report
