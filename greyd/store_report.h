// The state that this daemon shares with others, for its other rooms: commands pass on what they
// have done, status, counters and log say how it stands.
#pragma once

#include <spdlog/logger.h>

#include <optional>
#include <string>

#include "greyd/base/counters.h"
#include "greyd/base/seconds.h"
#include "greyd/control/sharing.h"
#include "greyd/net/event_loop.h"
#include "greyd/shared/shared_state.h"

namespace grey {

// Which lines the log has of it: each change, but one in a period at most. What has come and gone
// within one is said with its end, in number.
class StoreLines {
 public:
  static constexpr Seconds kPeriod = 10;
  static constexpr Seconds kDownPeriod = 60;  // while it stays down, of another reason for it

  // About once a second. `losses`: times that the store was up, and went. Nothing: no line now.
  std::optional<std::string> due(const StoreStanding& standing, Count losses, Seconds now);

 private:
  std::string told_;
  bool told_up_ = false;
  bool told_clock_ = false;  // whose difference is another each time
  Count losses_ = 0;         // that were told
  Seconds told_at_ = 0;
};

class StoreReport : public Sharing {
 public:
  // All by reference must outlive it.
  // `say_all`: the log has not only what is wrong.
  StoreReport(EventLoop& loop, shared::SharedState& state, const shared::SharedCounters& counters,
              std::string url, spdlog::logger& logger, bool say_all);

  void forgot(const RecordFilter::Wanted& what, Seconds at, const std::string& by) override;
  void put(const Entry& entry) override;
  void removed(const std::string& entry, Seconds at, const std::string& by) override;
  StoreStanding standing() const override;
  void visit_counters(const VisitCounter& visit) const override;

 private:
  void on_second();
  StoreStanding look() const;

  shared::SharedState& state_;
  const shared::SharedCounters& counters_;
  const std::string url_;
  spdlog::logger& logger_;
  const bool say_all_;
  StoreLines lines_;
  StoreStanding last_;  // as it stood a second ago
  EventLoop::Timer second_;
};

}  // namespace grey
