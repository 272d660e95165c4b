// Waiting for what nobody tells of: look, pause, look again.
#pragma once

#include <poll.h>

#include <chrono>

namespace grey::svctool {

// Calls look() until it is true, or `limit` is over; whether it was true. It looks once at least.
template <typename Look>
bool look_until(std::chrono::milliseconds limit, Look look) {
  using Clock = std::chrono::steady_clock;
  constexpr int kPauseMilliseconds = 20;
  const auto end = Clock::now() + limit;
  while (!look()) {
    if (Clock::now() >= end) return false;
    ::poll(nullptr, 0, kPauseMilliseconds);
  }
  return true;
}

}  // namespace grey::svctool
