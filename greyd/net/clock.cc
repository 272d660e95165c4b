#include "greyd/net/clock.h"

#include <ctime>

namespace grey {
namespace {

Seconds read_clock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec;
}

}  // namespace

Seconds wall_clock() {
  return read_clock(CLOCK_REALTIME);
}
Seconds monotonic_clock() {
  return read_clock(CLOCK_MONOTONIC);
}

}  // namespace grey
