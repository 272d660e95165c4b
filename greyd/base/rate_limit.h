// How often one kind of event is told of, however often it happens.
#pragma once

#include <cstdint>
#include <utility>

namespace grey {

// Keeps the log of one kind of event bounded: the first of a period is due, the others are counted.
class RateLimit {
 public:
  explicit RateLimit(std::int64_t period_seconds) : period_(period_seconds) {}
  // How many events the line that is due now stands for; 0: no line now.
  std::uint64_t due(std::int64_t now) {
    ++waiting_;
    if (started_ && now >= last_ && now - last_ < period_) return 0;
    started_ = true;
    last_ = now;
    return std::exchange(waiting_, 0);
  }

 private:
  std::int64_t period_;
  std::int64_t last_ = 0;
  bool started_ = false;
  std::uint64_t waiting_ = 0;
};

}  // namespace grey
