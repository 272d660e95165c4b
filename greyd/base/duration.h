// Durations as people write and read them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "greyd/base/seconds.h"

namespace grey {

// "90s", "5m", "12h", "30d", "2w", or several in that order from the greatest: "1d12h". Nothing for
// any other text, a number without its unit included, and for more than kMaxDuration.
constexpr Seconds kMaxDuration = Seconds{100} * 365 * 24 * 3600;
std::optional<Seconds> parse_duration(std::string_view text);

// The same, in the two greatest units that say something; the rest is cut: "3d 4h", "59s", "0s".
// A negative one begins with '-'.
std::string format_duration(Seconds duration);

// The same, whole, as parse_duration reads it: "3d4h10s". REQUIRES: it is not negative.
std::string write_duration(Seconds duration);

}  // namespace grey
