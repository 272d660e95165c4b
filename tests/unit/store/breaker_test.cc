#include "greyd/store/breaker.h"

#include <doctest/doctest.h>

using namespace grey;

namespace {

Breaker opened_at(Milliseconds now) {
  Breaker breaker;
  for (unsigned i = 0; i < Breaker::kFailures; ++i) breaker.failure(now);
  return breaker;
}

}  // namespace

TEST_CASE("three failures in a row open it, and a success in between begins anew") {
  Breaker breaker;
  breaker.failure(0);
  breaker.failure(0);
  CHECK_FALSE(breaker.open());
  breaker.success();
  breaker.failure(1);
  breaker.failure(1);
  CHECK_FALSE(breaker.open());
  CHECK(breaker.allow(1));
  CHECK(breaker.wait(1) == 0);
  breaker.failure(1);
  CHECK(breaker.open());
  CHECK(breaker.opened() == 1);
  CHECK(breaker.probes() == 0);
}

TEST_CASE("while it is open one attempt a second is let through") {
  Breaker breaker = opened_at(5000);
  CHECK_FALSE(breaker.allow(5000));
  CHECK(breaker.wait(5000) == 1000);
  CHECK_FALSE(breaker.allow(5999));
  CHECK(breaker.wait(5999) == 1);
  CHECK(breaker.wait(6000) == 0);
  CHECK(breaker.allow(6000));
  CHECK_FALSE(breaker.allow(6000));
  CHECK_FALSE(breaker.allow(6999));
  CHECK(breaker.allow(60'000));  // late is not made up for
  CHECK_FALSE(breaker.allow(60'999));
  CHECK(breaker.probes() == 2);
}

TEST_CASE(
    "a probe that fails leaves it open, and its time as it was; one that succeeds closes it") {
  Breaker breaker = opened_at(0);
  CHECK(breaker.allow(1000));
  breaker.failure(1200);
  CHECK(breaker.wait(1200) == 800);
  CHECK(breaker.opened() == 1);
  CHECK(breaker.allow(2000));
  breaker.success();
  CHECK_FALSE(breaker.open());
  CHECK(breaker.allow(2001));
  CHECK(breaker.allow(2001));
  breaker.failure(2001);
  CHECK_FALSE(breaker.open());  // and three more are needed
}

TEST_CASE("failures that come late, of what was asked before it opened, change nothing") {
  Breaker breaker = opened_at(0);
  for (int i = 0; i < 1000; ++i) breaker.failure(900);
  CHECK(breaker.opened() == 1);
  CHECK(breaker.wait(1000) == 0);
}
