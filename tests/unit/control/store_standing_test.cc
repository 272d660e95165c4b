// How the state stands that a daemon shares with others, in the words of status and log.
#include "greyd/control/store_standing.h"

#include <doctest/doctest.h>

using namespace grey;

namespace {

using State = StoreStanding::State;

constexpr Seconds kNow = 1'700'000'000;

StoreStanding member() {
  StoreStanding standing;
  standing.url = "redis+sentinel://h1:26379/greylist/0";
  standing.up = true;
  standing.where = "db1:6379, named by h1:26379";
  standing.state = State::member;
  standing.since = kNow;
  return standing;
}

std::string problem(const StoreStanding& standing, Seconds now = kNow) {
  return problem_of(standing, now).value_or("none");
}

}  // namespace

TEST_CASE("a line says where the store is, or what is wrong with it") {
  StoreStanding standing = member();
  CHECK(to_line(standing) == "store: up at db1:6379, named by h1:26379");
  standing.up = false;
  standing.state = State::alone;
  CHECK(to_line(standing) == "store: down: not connected yet; this daemon decides alone");
  standing.last_fault = "db1:6379: no answer in time";
  CHECK(to_line(standing) == "store: down: db1:6379: no answer in time; this daemon decides alone");
}

TEST_CASE("a problem is what makes a daemon decide alone, in the words of the log") {
  StoreStanding standing = member();
  CHECK(problem(standing) == "none");
  standing.state = State::other_policy;
  standing.others_policy = "min-resend=60";
  CHECK(problem(standing) ==
        "store: up at db1:6379, named by h1:26379, shared under another policy (min-resend=60); "
        "this daemon decides alone");
  standing.state = State::other_clock;
  standing.clock_ahead = -400;
  CHECK(
      problem(standing) ==
      "store: up at db1:6379, named by h1:26379, this host's clock is 400 seconds behind its; this "
      "daemon decides alone");
  standing.up = false;
  standing.state = State::alone;
  standing.last_fault = "x";
  CHECK(problem(standing) == to_line(standing));
}

TEST_CASE("a member that cannot hear, or say, orders has a problem") {
  StoreStanding standing = member();
  standing.orders_fault = "WRONGTYPE";
  CHECK(problem(standing) ==
        "store: up at db1:6379, named by h1:26379, its orders cannot be said (WRONGTYPE)");
  standing.orders_unheard = true;
  CHECK(problem(standing) ==
        "store: up at db1:6379, named by h1:26379, its orders cannot be heard (WRONGTYPE); this "
        "daemon decides alone");
}

TEST_CASE("a store that may drop what it was told is said to be one, and is no problem by itself") {
  StoreStanding standing = member();
  standing.evicts_by = "allkeys-lru";
  CHECK(to_line(standing) ==
        "store: up at db1:6379, named by h1:26379, which may drop what it was told "
        "(maxmemory-policy allkeys-lru; noeviction keeps it)");
  CHECK(problem(standing) == "none");
  std::string out;
  JsonLine line(out);
  add_store(line, standing);
  line.end();
  CHECK(out.find(R"("breaker_open":false,"evicts_by":"allkeys-lru"})") != std::string::npos);
}

TEST_CASE("who has just found the store has a moment to meet the others") {
  StoreStanding standing = member();
  standing.state = State::alone;
  CHECK(problem(standing, kNow + 4) == "none");
  CHECK(problem(standing, kNow + 5) ==
        "store: up at db1:6379, named by h1:26379, the others are not met yet; this daemon decides "
        "alone");
}

TEST_CASE("status has an object of it") {
  StoreStanding standing = member();
  std::string out;
  JsonLine line(out);
  add_store(line, standing);
  line.end();
  CHECK(out ==
        R"({"store":{"url":"redis+sentinel://h1:26379/greylist/0",)"
        R"("where":"db1:6379, named by h1:26379","up":true,"state":"member","since":1700000000,)"
        R"("healing":false,"breaker_open":false}})"
        "\n");
  standing.last_fault = "db1: said \"\xff\"";
  standing.last_fault_at = kNow;
  standing.state = State::other_policy;
  standing.others_policy = "min-resend=60";
  out.clear();
  JsonLine again(out);
  add_store(again, standing);
  again.end();
  CHECK(out.find(R"("state":"other_policy","since")") != std::string::npos);
  CHECK(out.find(R"("others_policy":"min-resend=60","last_fault":"db1: said \"%FF\"",)"
                 R"("last_fault_at":1700000000)") != std::string::npos);
}
