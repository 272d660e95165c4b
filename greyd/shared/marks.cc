#include "greyd/shared/marks.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace grey::shared {
namespace {

constexpr std::size_t kSlice = 500;           // records looked at
constexpr std::size_t kComparisons = 10'000;  // of a slice, at most

}  // namespace

Result<bool> Marks::obey(const Order& order) {
  auto filter = RecordFilter::of(order.records, service_.greylist().policy());
  if (!filter) return tl::make_unexpected(filter.error());
  std::string of = what_it_names(order);
  const auto there =
      std::find_if(marks_.begin(), marks_.end(), [&](const Mark& mark) { return mark.of == of; });
  if (there != marks_.end()) {
    if (there->order.at >= order.at) return false;
    marks_.erase(there);
  } else if (marks_.size() == kMost) {
    marks_.erase(marks_.begin());
    ++dropped_;
  }
  marks_.push_back({order, std::move(of), std::move(*filter)});
  to_forget_.push_back(marks_.back());
  return true;
}

void Marks::expire(Seconds since) {
  std::erase_if(marks_, [&](const Mark& mark) { return mark.order.at < since; });
}

Seconds Marks::reach(const Mark& mark, RecordClass record_class) const {
  if (record_class != RecordClass::client) return mark.order.at;
  return mark.order.at + std::min(service_.greylist().policy().min_resend, kReach);
}

Seconds Marks::forgotten(const SavedRecord& record) const {
  Seconds last = 0;
  for (const Mark& mark : marks_) {
    const Seconds at = reach(mark, record.record_class);
    if (at > last && mark.filter.matches(record)) last = at;
  }
  return last;
}

// ---- forgetting --------------------------------------------------------------------------------

bool Marks::names(const Mark& mark, const SavedRecord& record) const {
  return record.seen <= reach(mark, record.record_class) && mark.filter.matches(record);
}

// All that wait are looked for in one walk.
void Marks::work() {
  if (!forgetting_) {
    if (to_forget_.empty()) return;
    forgetting_.reset(new Forgetting{service_.walk(), {}});
    std::move(to_forget_.begin(), to_forget_.end(), std::back_inserter(forgetting_->marks));
    to_forget_.clear();
    forgetting_->walk.start();
  }
  const std::vector<Mark>& marks = forgetting_->marks;
  const std::size_t slice = std::clamp<std::size_t>(kComparisons / marks.size(), 1, kSlice);
  const bool more = service_.forget(forgetting_->walk, slice, [&](const SavedRecord& record) {
    return std::any_of(marks.begin(), marks.end(),
                       [&](const Mark& mark) { return names(mark, record); });
  });
  if (!more) forgetting_.reset();
}

// ---- what the store has of them ----------------------------------------------------------------

void Marks::lost() {
  for (Mark& mark : marks_) mark.in_store = false;
}

void Marks::is_in_store(const Order& order) {
  const std::string of = what_it_names(order);
  for (Mark& mark : marks_) mark.in_store |= mark.of == of && mark.order.at <= order.at;
}

std::vector<Order> Marks::missing() const {
  std::vector<Order> orders;
  for (const Mark& mark : marks_) {
    if (!mark.in_store) orders.push_back(mark.order);
  }
  return orders;
}

}  // namespace grey::shared
