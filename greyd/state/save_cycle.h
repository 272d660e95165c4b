// When a snapshot is to be begun, and what its end has made good: the states of saving, apart from
// the files, so that every order of faults can be tried on them. Pure: the clock is an argument.
//
//              ask(), due() -> begun()            closing()              finished()
//      idle -----------------------> walking ----------------> closing -----------> idle
//
//   idle     No snapshot is being written. An attempt whose beginning fails stays here: failed().
//   walking  Records are being written. failed(), lost(): idle. (A record that moves after the
//            journal broke is neither in it nor in the snapshot.)
//   closing  All are written; the file is being synced and put in place, which nothing can call
//            back. failed(): idle. lost(): stays; but one more must follow.
//
// Beside that, changes may be `lost`: in memory alone. Only a snapshot that was begun after the
// last loss makes them good. So as long as something is lost, or the last attempt has failed,
// either a snapshot is being written or the next attempt has its time; no order of events leads out
// of that.
#pragma once

#include <optional>

#include "greyd/base/seconds.h"

namespace grey {

class SaveCycle {
 public:
  enum class Phase { idle, walking, closing };
  static constexpr Seconds kTryAgain = 60;  // after a failure

  Phase phase() const { return phase_; }
  bool saving() const { return phase_ != Phase::idle; }
  // Are changes in memory alone, which no snapshot has made good?
  bool has_lost() const { return lost_; }

  // The time, by a clock that does not jump. To be called about once a second.
  void tick(Seconds clock);
  // A snapshot is wanted. False: one is being written, and another will be due after it.
  bool ask();
  // Is one to be begun now?
  bool due() const;

  // Has the last attempt failed, or is something lost, and no attempt been begun since?
  bool retrying() const { return retry_; }

  // REQUIRES of begun(): idle; of closing(): walking; of finished(): closing.
  void begun();
  void closing() { phase_ = Phase::closing; }
  void finished();
  void failed();
  // A snapshot that was written at once has made good whatever there was.
  void all_saved();
  // Changes are in memory alone from now on. `soon`: there is hope that the next attempt, at the
  // next tick, does better; but not twice a minute: false, then.
  bool lost(bool soon = false);

 private:
  void try_again(bool soon);

  Phase phase_ = Phase::idle;
  bool again_ = false;  // asked for while one was being written
  bool lost_ = false;   // since the last snapshot that made good
  bool lost_since_begun_ = false;
  bool retry_ = false;
  std::optional<Seconds> clock_;     // of the last tick
  std::optional<Seconds> retry_at_;  // absent with retry_: counted from the first tick
  std::optional<Seconds> hurried_;   // when lost() was last believed to be healed soon
};

}  // namespace grey
