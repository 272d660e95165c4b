// Whether the wall clock can be trusted with what it says is over.
//
// Stamps are wall clock times, as they outlive the daemon and the machine's start. But that clock
// may be set, by hand, by NTP, or to 2000 on a board without a battery: one wrong hour must not
// cost what took a week to learn. So a leap of the wall clock against the monotonic one suspends
// expiry for an hour, in which somebody, or NTP, may set it right. After that it is believed.
//
// Pure: both clocks are arguments, in whole seconds.
#pragma once

#include <optional>

#include "greyd/core/rules.h"

namespace grey {

class ClockGuard {
 public:
  static constexpr Seconds kLeap = 24 * 60 * 60;  // what counts as a leap, either way
  static constexpr Seconds kCare = 60 * 60;       // how long to be careful after one

  // What a start found is doubtful, see StartFindings: nothing expires for kCare.
  void begin_doubtful(Seconds monotonic) { suspend(monotonic); }

  // To be called before `wall` is used, at least once in a few seconds. How many seconds the wall
  // clock has leapt since the last calls, or nothing when it has not.
  std::optional<Seconds> look(Seconds wall, Seconds monotonic);

  Expiry expiry() const { return expiry_; }

 private:
  void suspend(Seconds monotonic) {
    expiry_ = Expiry::suspended;
    until_ = monotonic + kCare;
  }

  Expiry expiry_ = Expiry::usual;
  Seconds until_ = 0;  // by the monotonic clock
  // Wall clock less monotonic clock, as it was at `since_`. Taken anew once in a while, so that the
  // clock may be slewed as far as it likes, but not in an hour.
  std::optional<Seconds> offset_;
  Seconds since_ = 0;
};

// At a start there is no monotonic clock to compare with, but there are the stamps.
struct StartFindings {
  Seconds latest_stamp = 0;
  std::size_t records = 0;
  std::size_t over = 0;  // of these, by the clock as it is now
  bool overdue = false;  // some were over long before the latest stamp, and yet were kept
};

// The clock is doubtful when the latest stamp is more than a day away from it, or when more than
// half of the records would be over at once. (Or nothing was running for days: then an hour's care
// does no harm.) It still is when the last run was careful, so that a second start in the same hour
// makes no difference: it kept what was overdue.
bool looks_doubtful(Seconds now, const StartFindings& found);

}  // namespace grey
