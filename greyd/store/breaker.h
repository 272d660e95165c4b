// Keeps the daemon from waiting for a store that does not answer: after three failures in a row it
// is open, and while it is, one attempt a second is let through. One that succeeds closes it.
//
// Pure: `now` is in milliseconds of a clock that is never set.
#pragma once

#include <cstdint>

namespace grey {

using Milliseconds = std::int64_t;

class Breaker {
 public:
  static constexpr unsigned kFailures = 3;
  static constexpr Milliseconds kProbeEvery = 1000;

  bool open() const { return failures_ >= kFailures; }

  // Whether an attempt may be made now. While it is open, who is told yes is the second's probe.
  bool allow(Milliseconds now) {
    if (!open()) return true;
    if (now < next_probe_) return false;
    next_probe_ = now + kProbeEvery;
    ++probes_;
    return true;
  }
  // How long until allow() says yes; 0: it does now.
  Milliseconds wait(Milliseconds now) const {
    return open() && now < next_probe_ ? next_probe_ - now : 0;
  }

  void success() { failures_ = 0; }
  void failure(Milliseconds now) {
    if (open()) return;
    if (++failures_ < kFailures) return;
    ++opened_;
    next_probe_ = now + kProbeEvery;
  }

  std::uint64_t opened() const { return opened_; }  // times
  std::uint64_t probes() const { return probes_; }

 private:
  unsigned failures_ = 0;  // in a row; no more are counted than open it
  Milliseconds next_probe_ = 0;
  std::uint64_t opened_ = 0, probes_ = 0;
};

}  // namespace grey
