#include "greyd/accepted_bounces.h"

namespace grey {

void AcceptedBounces::remember(std::uint64_t question, Seconds now) {
  if (!times_.insert_or_assign(question, now).second) return;
  if (order_.size() < kMost) {
    order_.push_back(question);
    return;
  }
  times_.erase(order_[oldest_]);
  order_[oldest_] = question;
  oldest_ = (oldest_ + 1) % kMost;
}

bool AcceptedBounces::contains(std::uint64_t question, Seconds now) const {
  const auto found = times_.find(question);
  return found != times_.end() && now - found->second <= kLife;
}

}  // namespace grey
