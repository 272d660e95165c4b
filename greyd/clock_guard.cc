#include "greyd/clock_guard.h"

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
  if (leapt) become(Expiry::suspended, monotonic);
  if (leapt || monotonic - since_ >= kCare) {
    offset_ = offset;
    since_ = monotonic;
  }
  return leapt ? std::optional(leap) : std::nullopt;
}

bool looks_doubtful(Seconds now, Seconds latest_stamp, std::size_t records, std::size_t over) {
  if (records == 0) return false;
  return latest_stamp < now - ClockGuard::kLeap || latest_stamp > now + ClockGuard::kLeap ||
         over > records / 2;
}

}  // namespace grey
