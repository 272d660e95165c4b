#include "greyd/state/save_cycle.h"

#include <utility>

namespace grey {

void SaveCycle::tick(Seconds clock) {
  clock_ = clock;
  if (retry_ && !retry_at_) retry_at_ = clock + kTryAgain;
}

bool SaveCycle::ask() {
  if (phase_ == Phase::idle) return true;
  again_ = true;
  return false;
}

bool SaveCycle::due() const {
  if (phase_ != Phase::idle) return false;
  if (retry_) return retry_at_ && clock_ && *clock_ >= *retry_at_;
  return again_;
}

void SaveCycle::begun() {
  phase_ = Phase::walking;
  again_ = retry_ = lost_since_begun_ = false;
  retry_at_.reset();
}

void SaveCycle::finished() {
  phase_ = Phase::idle;
  lost_ = lost_since_begun_;
}

void SaveCycle::all_saved() {
  phase_ = Phase::idle;
  again_ = retry_ = lost_ = false;
  retry_at_.reset();
}

void SaveCycle::failed() {
  phase_ = Phase::idle;
  try_again(false);
}

bool SaveCycle::lost(bool soon) {
  lost_ = lost_since_begun_ = true;
  if (phase_ == Phase::walking) phase_ = Phase::idle;
  soon = soon && clock_ && !(hurried_ && *clock_ < *hurried_ + kTryAgain);
  if (soon) hurried_ = clock_;
  try_again(soon);
  return soon;
}

void SaveCycle::try_again(bool soon) {
  retry_ = true;
  if (!clock_) return;
  retry_at_ = soon ? *clock_ : *clock_ + kTryAgain;
}

}  // namespace grey
