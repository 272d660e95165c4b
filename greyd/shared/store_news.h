// What the log says of how a store is doing: that it is away, why, and that it is back, each once,
// and little of one that comes and goes. Pure.
#pragma once

#include <optional>
#include <string>

#include "greyd/base/seconds.h"
#include "greyd/shared/member.h"
#include "greyd/store/store_link.h"

namespace grey::shared {

class StoreNews {
 public:
  struct Line {
    bool good = false;  // else the log has it as a warning
    std::string text;
  };

  // About once a second. `now`: any clock that only goes forward. Nothing: there is no news. What
  // there is to say of others' policies Member reports.
  std::optional<Line> look(const StoreStatus& store, Member::State state, Seconds now);

  static constexpr Seconds kPatience = 3;        // for a first answer, before its silence is news
  static constexpr Seconds kLeastBetween = 60;   // two lines about its being away
  static constexpr Seconds kReminder = 60 * 60;  // of one that is still away

 private:
  std::optional<Line> away(const StoreStatus& store, Seconds now);
  std::optional<Line> back(const StoreStatus& store, Seconds now);

  std::optional<Seconds> first_look_;
  std::optional<Seconds> told_at_;  // the last line about its being away
  std::optional<Seconds> since_;    // it is not shared
  bool told_ = false;               // of this time
  Fault told_fault_ = Fault::down;
  bool policy_told_ = false;  // by Member
  bool was_shared_ = false;
};

}  // namespace grey::shared
