#include "greyd/fronts/batch_pool.h"

#include <doctest/doctest.h>

using namespace grey;

using Pool = BatchPool<int>;

TEST_CASE("batches are made when they are needed, kept, and bounded in number") {
  Pool pool(2);
  CHECK(pool.left() == 2);
  Pool::Held one = pool.take();
  Pool::Held two = pool.take();
  REQUIRE(one != nullptr);
  REQUIRE(two != nullptr);
  CHECK(pool.take() == nullptr);
  CHECK(pool.left() == 0);
  int* const first = one.get();
  one.reset();
  CHECK(pool.left() == 1);
  CHECK(pool.take().get() == first);
}

TEST_CASE("a batch in flight comes back when its decider is done with it") {
  Pool pool(1);
  int& batch = pool.send_off(pool.take(), 0);
  CHECK(pool.take() == nullptr);
  pool.take_back(batch);
  CHECK(pool.left() == 1);
  CHECK(pool.take().get() == &batch);
}

TEST_CASE("what is in flight for too long is told, and nothing else; ticks may wrap") {
  Pool pool(3);
  const Pool::Held held = pool.take();
  int& early = pool.send_off(pool.take(), unsigned(-1));
  int& late = pool.send_off(pool.take(), 1);
  CHECK(pool.overdue(1, 3) == nullptr);
  CHECK(pool.overdue(2, 3) == &early);
  pool.take_back(early);
  CHECK(pool.overdue(2, 3) == nullptr);
  CHECK(pool.overdue(4, 3) == &late);
}
