#include "greyd/store_report.h"

#include <utility>

#include "greyd/net/clock.h"
#include "greyd/shared/counters_text.h"

namespace grey {
namespace {

constexpr double kSecond = 1;

using shared::Member;
using shared::Order;

StoreStanding::State state_of(Member::State state) {
  switch (state) {
    case Member::State::member:
      return StoreStanding::State::member;
    case Member::State::other_policy:
      return StoreStanding::State::other_policy;
    case Member::State::other_clock:
      return StoreStanding::State::other_clock;
    case Member::State::away:
      break;
  }
  return StoreStanding::State::alone;
}

}  // namespace

// ---- the log -----------------------------------------------------------------------------------

std::optional<std::string> StoreLines::due(const StoreStanding& standing, Count losses,
                                           Seconds now) {
  const bool settles =
      standing.up ? standing.state == StoreStanding::State::alone : standing.last_fault.empty();
  if (settles && !(standing.up && problem_of(standing, now))) return std::nullopt;
  const std::string line = to_line(standing);
  const bool goes = told_up_ && !standing.up;
  const Count besides = losses - losses_ - (goes && losses > losses_ ? 1 : 0);
  const bool still_down = !told_.empty() && !told_up_ && !standing.up && besides == 0;
  const Seconds period = still_down ? kDownPeriod : kPeriod;
  const bool early = !told_.empty() && now >= told_at_ && now - told_at_ < period;
  const bool clock = standing.up && standing.state == StoreStanding::State::other_clock;
  const bool same = line == told_ || (clock && told_clock_);
  if (early || (same && besides == 0)) return std::nullopt;
  told_clock_ = clock;
  told_ = line;
  told_up_ = standing.up;
  losses_ = losses;
  told_at_ = now;
  if (besides == 0) return line;
  return line + " (lost meanwhile: " + std::to_string(besides) + ")";
}

void StoreReport::on_second() {
  const Seconds now = wall_clock();
  StoreStanding stands = look();
  const bool same = stands.up == last_.up && stands.state == last_.state;
  stands.since = same ? last_.since : now;
  last_ = std::move(stands);
  const auto line = lines_.due(last_, state_.link_counters().losses, now);
  if (!line) return;
  if (problem_of(last_, now) || !last_.evicts_by.empty()) {
    logger_.warn("{}", *line);
  } else if (say_all_) {
    logger_.info("{}", *line);
  }
}

// ---- how it stands -----------------------------------------------------------------------------

StoreReport::StoreReport(EventLoop& loop, shared::SharedState& state,
                         const shared::SharedCounters& counters, std::string url,
                         spdlog::logger& logger, bool say_all)
    : state_(state),
      counters_(counters),
      url_(std::move(url)),
      logger_(logger),
      say_all_(say_all),
      last_(look()),
      second_(loop.every(kSecond, [this] { on_second(); })) {
  last_.since = wall_clock();
}

// But since when.
StoreStanding StoreReport::look() const {
  const StoreStatus link = state_.store();
  StoreStanding standing;
  standing.url = url_;
  standing.up = link.up && link.steady;
  standing.where = link.where;
  standing.state = standing.up ? state_of(state_.state()) : StoreStanding::State::alone;
  if (standing.state == StoreStanding::State::other_policy) {
    standing.others_policy = state_.others_policy();
  }
  if (standing.state == StoreStanding::State::other_clock) {
    standing.clock_ahead = state_.clock_ahead();
  }
  if (standing.up) standing.evicts_by = link.evicts_by;
  standing.healing = state_.healing();
  const auto trouble = state_.orders_trouble();
  if (standing.state == StoreStanding::State::member && trouble != shared::Orders::Trouble::none) {
    standing.orders_unheard = trouble == shared::Orders::Trouble::unheard;
    standing.orders_fault = state_.last_refusal();
  }
  standing.breaker_open = link.breaker_open;
  standing.last_fault = link.last_fault;
  standing.may_pass = link.last_fault.empty() || may_pass(link.last_fault_kind);
  standing.last_fault_at = link.last_fault_at;
  return standing;
}

StoreStanding StoreReport::standing() const {
  StoreStanding now = look();
  const bool same = now.up == last_.up && now.state == last_.state;
  now.since = same ? last_.since : wall_clock();
  return now;
}

void StoreReport::visit_counters(const VisitCounter& visit) const {
  shared::visit_counters(counters_, state_.link_counters(), visit);
}

// ---- what was done by command ------------------------------------------------------------------

void StoreReport::forgot(const RecordFilter::Wanted& what, Seconds at, const std::string& by) {
  state_.say({Order::Kind::forget, at, by, what, {}, {}});
}

void StoreReport::put(const Entry& entry) {
  const auto kind = entry.kind == Entry::Kind::allow ? Order::Kind::allow : Order::Kind::block;
  state_.say({kind, entry.since, entry.by, {}, entry.text, entry.until});
}

void StoreReport::removed(const std::string& entry, Seconds at, const std::string& by) {
  state_.say({Order::Kind::unlist, at, by, {}, entry, {}});
}

}  // namespace grey
