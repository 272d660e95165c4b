#include "greyd/core/clock_guard.h"

namespace grey {

std::optional<Seconds> ClockGuard::look(Seconds wall, Seconds monotonic) {
  if (expiry_ != Expiry::usual && monotonic >= until_) expiry_ = Expiry::usual;
  const Seconds offset = wall - monotonic;
  if (!offset_) {
    offset_ = offset;
    since_ = monotonic;
    return std::nullopt;
  }
  const Seconds leap = offset - *offset_;
  const bool leapt = leap > kLeap || leap < -kLeap;
  if (leapt) suspend(monotonic);
  if (leapt || monotonic - since_ >= kCare) {
    offset_ = offset;
    since_ = monotonic;
  }
  return leapt ? std::optional(leap) : std::nullopt;
}

bool looks_doubtful(Seconds now, const StartFindings& found) {
  if (found.records == 0) return false;
  return found.latest_stamp < now - ClockGuard::kLeap ||
         found.latest_stamp > now + ClockGuard::kLeap || found.over > found.records / 2 ||
         found.overdue;
}

}  // namespace grey
