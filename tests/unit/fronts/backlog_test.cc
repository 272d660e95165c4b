#include "greyd/fronts/backlog.h"

#include <doctest/doctest.h>

#include <string>

using namespace grey;

namespace {

Ip ip(unsigned last) {
  return Ip::from_v4(0xc0000200 + last);
}

struct Fixture {
  explicit Fixture(std::size_t max_bytes) : backlog(max_bytes) {}
  bool push(unsigned source, const std::string& client, std::size_t bytes, int item) {
    if (!backlog.make_room(ip(source), client, bytes)) return false;
    backlog.add(ip(source), client, bytes, std::move(item));
    return true;
  }
  std::string take_all() {
    std::string all;
    while (const auto item = backlog.take()) all += std::to_string(*item) + " ";
    return all;
  }
  Backlog<int> backlog;
};

}  // namespace

TEST_CASE("what waits is taken in turns of askers and of the clients they ask about") {
  Fixture f(64'000);
  for (int i = 1; i <= 4; ++i) f.push(1, "Ia", 1000, i);
  f.push(1, "Ib", 1000, 5);
  f.push(2, "Ia", 1000, 6);
  CHECK(f.take_all() == "1 5 6 2 3 4 ");
  CHECK(f.backlog.empty());
}

TEST_CASE("who comes late has a turn soon, however much of others waits") {
  Fixture f(64'000);
  for (int i = 0; i < 60; ++i) f.push(1, "Ia", 1000, i);
  for (int i = 0; i < 30; ++i) f.backlog.take();
  f.push(2, "Ia", 1000, 1000);
  const int first = *f.backlog.take(), second = *f.backlog.take();
  CHECK((first == 1000 || second == 1000));
}

TEST_CASE("the asker that has most makes room, and of it the client that has most") {
  Fixture f(10'000);
  for (int i = 0; i < 5; ++i) REQUIRE(f.push(1, "Ia", 1000, i));
  for (int i = 5; i < 8; ++i) REQUIRE(f.push(1, "Ib", 1000, i));
  for (int i = 8; i < 10; ++i) REQUIRE(f.push(2, "Ia", 1000, i));
  CHECK(!f.push(1, "Ia", 1000, 10));  // it is the one that has most
  CHECK(f.push(2, "Ia", 1000, 11));   // the last of the first asker's client "Ia" goes
  CHECK(f.backlog.dropped() == 2);
  CHECK(f.take_all() == "0 5 8 1 6 9 2 7 11 3 ");
}

TEST_CASE("a large one makes as many go as it needs, or none when it is the greediest itself") {
  Fixture f(10'000);
  for (int i = 0; i < 9; ++i) REQUIRE(f.push(1, "Ia", 1000, i));
  CHECK(f.push(2, "Ia", 4000, 9));
  CHECK(f.backlog.dropped() == 3);
  CHECK(!f.push(2, "Ib", 4000, 10));
}

TEST_CASE("small ones count as a 64th of all, so that there are no more than 64") {
  Fixture f(64'000);
  int taken = 0;
  for (int i = 0; i < 1000; ++i) f.push(unsigned(i) % 7, std::to_string(i % 100), 1, i);
  while (f.backlog.take()) ++taken;
  CHECK(taken == 64);
  CHECK(f.backlog.dropped() == 1000 - 64);
}
