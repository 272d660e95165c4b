#include "greyd/shared/store_news.h"

#include <doctest/doctest.h>

using namespace grey;
using namespace grey::shared;

namespace {

StoreStatus away(Fault fault, const std::string& why) {
  StoreStatus status;
  status.where = "db1:6379";
  status.last_fault = why;
  status.last_fault_kind = fault;
  return status;
}

StoreStatus up() {
  StoreStatus status;
  status.up = true;
  status.where = "db1:6379";
  return status;
}

constexpr auto kAway = Member::State::away;
constexpr auto kMember = Member::State::member;

// "" for no news; "!" before a warning.
std::string told(const std::optional<StoreNews::Line>& line) {
  return line ? (line->good ? "" : "!") + line->text : std::string();
}

}  // namespace

TEST_CASE("a store is said to be there, away with the reason, and back") {
  StoreNews news;
  CHECK(told(news.look({}, kAway, 100)) == "");
  CHECK(told(news.look(up(), kMember, 101)) == "store: db1:6379 shares the state of this daemon");
  CHECK(told(news.look(up(), kMember, 102)) == "");
  const StoreStatus refused = away(Fault::unreachable, "db1:6379: Connection refused");
  CHECK(told(news.look(refused, kAway, 200)) ==
        "!store: away: db1:6379: Connection refused; this daemon decides alone until it answers");
  CHECK(told(news.look(refused, kAway, 201)) == "");
  CHECK(told(news.look(up(), kMember, 230)) ==
        "store: db1:6379 shares the state of this daemon again, after 30 seconds");
}

TEST_CASE("a store that is away from the start is said to be so once, and once an hour") {
  StoreNews news;
  const StoreStatus refused = away(Fault::unreachable, "db1:6379: Connection refused");
  int lines = 0;
  for (Seconds now = 0; now <= 2 * StoreNews::kReminder; ++now) {
    if (news.look(refused, kAway, now)) ++lines;
  }
  CHECK(lines == 3);
  CHECK(told(news.look(refused, kAway, 3 * StoreNews::kReminder)) ==
        "!store: away for 10800 seconds: db1:6379: Connection refused; this daemon decides alone "
        "until it answers");
}

TEST_CASE("one that comes and goes is told of once a minute") {
  StoreNews news;
  int lines = 0;
  for (Seconds now = 0; now < 600; ++now) {
    const bool is_up = now % 2 == 1;
    const StoreStatus status = is_up ? up() : away(Fault::closed, "db1:6379: closed");
    if (news.look(status, is_up ? kMember : kAway, now)) ++lines;
  }
  CHECK(lines >= 10);
  CHECK(lines <= 2 * 10 + 1);
}

TEST_CASE("another reason is news after a minute, and one that stays is named as such") {
  StoreNews news;
  CHECK(news.look(away(Fault::unreachable, "db1:6379: Connection refused"), kAway, 0));
  const StoreStatus denied = away(Fault::denied, "db1:6379: WRONGPASS");
  CHECK_FALSE(news.look(denied, kAway, 59));
  CHECK(told(news.look(denied, kAway, 60)) ==
        "!store: away: db1:6379: WRONGPASS (that does not pass by itself); this daemon decides "
        "alone until it answers");
}

TEST_CASE("silence is news when it has lasted, and others' policy is told by who compares it") {
  StoreNews news;
  CHECK(told(news.look({}, kAway, 0)) == "");
  CHECK(told(news.look({}, kAway, StoreNews::kPatience)) ==
        "!store: away: it has not answered yet; this daemon decides alone until it answers");
  StoreNews other;
  CHECK(told(other.look(up(), Member::State::other_policy, 0)) == "");
  CHECK(told(other.look(up(), Member::State::other_policy, 100)) == "");
  CHECK(told(other.look(up(), kMember, 101)) ==
        "store: db1:6379 shares the state of this daemon again, after 101 seconds");
}
