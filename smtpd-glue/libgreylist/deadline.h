// A moment on the monotonic clock, for poll(2)'s timeout. Libc only.
#pragma once

#include <time.h>

#include <cstdint>

namespace grey {

class Deadline {
 public:
  Deadline() = default;  // passed
  static Deadline after(std::int64_t ms) { return Deadline(now() + ms * kNsPerMs); }

  // Milliseconds, rounded up, so that a wait of so long does not end before the deadline; 0 when it
  // has passed.
  int left_ms() const {
    const std::int64_t left = ns_ - now();
    return left <= 0 ? 0 : int((left + kNsPerMs - 1) / kNsPerMs);
  }
  bool passed() const { return now() >= ns_; }

 private:
  static constexpr std::int64_t kNsPerMs = 1'000'000;

  explicit Deadline(std::int64_t ns) : ns_(ns) {}

  static std::int64_t now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return std::int64_t(time.tv_sec) * 1000 * kNsPerMs + time.tv_nsec;
  }

  std::int64_t ns_ = 0;
};

}  // namespace grey
