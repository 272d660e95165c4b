#include "greyd/net/clock.h"

#include <ctime>

namespace grey {
namespace {

timespec read_clock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now;
}

}  // namespace

Seconds wall_clock() {
  return read_clock(CLOCK_REALTIME).tv_sec;
}
Seconds monotonic_clock() {
  return read_clock(CLOCK_MONOTONIC).tv_sec;
}
std::chrono::microseconds monotonic_microseconds() {
  const timespec now = read_clock(CLOCK_MONOTONIC);
  return std::chrono::seconds(now.tv_sec) + std::chrono::microseconds(now.tv_nsec / 1000);
}

}  // namespace grey
