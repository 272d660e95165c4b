#include "greyd/shared/store_news.h"

#include <utility>

namespace grey::shared {

std::optional<StoreNews::Line> StoreNews::look(const StoreStatus& store, Member::State state,
                                               Seconds now) {
  if (!first_look_) first_look_ = now;
  if (state == Member::State::away) return away(store, now);
  if (state == Member::State::member) return back(store, now);
  // Under another policy the store is there, and of no use.
  told_ = false;
  policy_told_ = true;
  if (!since_) since_ = now;
  return std::nullopt;
}

std::optional<StoreNews::Line> StoreNews::away(const StoreStatus& store, Seconds now) {
  if (!since_) since_ = now;
  // Up, and others are about to be met; or nobody has had the time to answer.
  const bool silent = store.up || store.last_fault.empty();
  if (silent && now - *since_ < kPatience) return std::nullopt;
  const bool other = told_ && store.last_fault_kind != told_fault_;
  const Seconds least = told_ && !other ? kReminder : kLeastBetween;
  if (told_at_ && now - *told_at_ < least) return std::nullopt;
  const bool again = std::exchange(told_, true) && !other;
  told_at_ = now;
  told_fault_ = store.last_fault_kind;
  std::string text = "store: away";
  if (again) text += " for " + std::to_string(now - *since_) + " seconds";
  text += ": " + (store.last_fault.empty() ? "it has not answered yet" : store.last_fault);
  if (!store.last_fault.empty() && !may_pass(store.last_fault_kind)) {
    text += " (that does not pass by itself)";
  }
  return Line{false, text + "; this daemon decides alone until it answers"};
}

std::optional<StoreNews::Line> StoreNews::back(const StoreStatus& store, Seconds now) {
  const Seconds lasted = since_ ? now - *since_ : 0;
  since_.reset();
  const bool first = !std::exchange(was_shared_, true);
  const bool away_told = std::exchange(told_, false);
  const bool told = std::exchange(policy_told_, false) || away_told;
  if (!told && !first) return std::nullopt;
  std::string text = "store: " + store.where + " shares the state of this daemon";
  if (told) text += " again, after " + std::to_string(lasted) + " seconds";
  return Line{true, text};
}

}  // namespace grey::shared
