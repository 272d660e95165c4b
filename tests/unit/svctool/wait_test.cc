#include "svctool/util/wait.h"

#include <doctest/doctest.h>

using grey::svctool::look_until;
using namespace std::chrono_literals;

TEST_CASE("it is looked until it is so, or the time is over, and once at least") {
  int looks = 0;
  CHECK(look_until(0ms, [&] { return ++looks == 1; }));
  CHECK(looks == 1);
  CHECK(look_until(1h, [&] { return ++looks == 4; }));
  CHECK(looks == 4);
  CHECK_FALSE(look_until(0ms, [&] { return ++looks == 0; }));
  CHECK(looks == 5);
  CHECK_FALSE(look_until(50ms, [&] { return ++looks == 0; }));
  CHECK(looks > 6);
}
