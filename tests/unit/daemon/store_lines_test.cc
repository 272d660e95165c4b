// The lines of the log about the store: each change, and never more than one in ten seconds.
#include <doctest/doctest.h>

#include "greyd/store_report.h"

using namespace grey;

namespace {

StoreStanding up() {
  StoreStanding standing;
  standing.up = true;
  standing.where = "db1:6379";
  standing.state = StoreStanding::State::member;
  return standing;
}
StoreStanding down(const char* fault) {
  StoreStanding standing;
  standing.last_fault = fault;
  return standing;
}

struct Fixture {
  std::string due(const StoreStanding& standing, Count losses, Seconds now) {
    return lines.due(standing, losses, now).value_or("");
  }
  StoreLines lines;
};

constexpr const char* kUp = "store: up at db1:6379";
constexpr const char* kDown = "store: down: db1:6379: closed; this daemon decides alone";

}  // namespace

TEST_CASE_FIXTURE(Fixture, "it comes, it goes, it comes back") {
  CHECK(due(down(""), 0, 100) == "");  // it is being connected to
  CHECK(due(up(), 0, 101) == kUp);
  CHECK(due(up(), 0, 102) == "");
  CHECK(due(down("db1:6379: closed"), 1, 200) == kDown);
  CHECK(due(down("db1:6379: closed"), 1, 201) == "");
  CHECK(due(up(), 1, 300) == kUp);
  CHECK(due(up(), 1, 10'000) == "");
}

TEST_CASE_FIXTURE(Fixture, "what comes and goes faster than the log may is said in number") {
  CHECK(due(up(), 0, 100) == kUp);
  CHECK(due(down("db1:6379: closed"), 1, 101) == "");
  CHECK(due(up(), 1, 102) == "");
  CHECK(due(down("db1:6379: closed"), 2, 103) == "");
  CHECK(due(up(), 2, 109) == "");
  CHECK(due(up(), 2, 110) == "store: up at db1:6379 (lost meanwhile: 2)");
  CHECK(due(up(), 2, 111) == "");
  CHECK(due(down("db1:6379: closed"), 4, 120) == std::string(kDown) + " (lost meanwhile: 1)");
}

TEST_CASE_FIXTURE(Fixture, "while it stays away another reason is said once a minute at most") {
  CHECK(due(down("db1:6379: closed"), 0, 100) == kDown);
  CHECK(due(down("db1: no such name"), 0, 159) == "");
  CHECK(due(down("db1: no such name"), 0, 160) ==
        "store: down: db1: no such name; this daemon decides alone");
  CHECK(due(up(), 0, 165) == "");
  CHECK(due(up(), 0, 170) == kUp);
}

TEST_CASE_FIXTURE(Fixture, "a clock that is set back keeps no line away") {
  CHECK(due(up(), 0, 1000) == kUp);
  CHECK(due(down("db1:6379: closed"), 1, 10) == kDown);
}

TEST_CASE_FIXTURE(Fixture, "another clock is said once, though the difference is never the same") {
  StoreStanding standing = up();
  standing.state = StoreStanding::State::other_clock;
  standing.clock_ahead = 400;
  CHECK(due(standing, 0, 100).find("400 seconds ahead of its") != std::string::npos);
  standing.clock_ahead = 401;
  CHECK(due(standing, 0, 200) == "");
  CHECK(due(up(), 0, 300) == kUp);
}

TEST_CASE_FIXTURE(Fixture, "another policy is said") {
  StoreStanding standing = up();
  standing.state = StoreStanding::State::alone;
  CHECK(due(standing, 0, 0) == "");
  standing.state = StoreStanding::State::other_policy;
  standing.others_policy = "min-resend=60";
  CHECK(due(standing, 0, 1) ==
        "store: up at db1:6379, shared under another policy (min-resend=60); this daemon decides "
        "alone");
}
