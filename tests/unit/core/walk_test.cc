// Several walks at once over a state that changes, beside a pass that expires.
#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "greyd/core/greylist.h"
#include "greyd/state/record_text.h"

using namespace grey;

namespace {

constexpr Seconds kNow = 1'700'000'000;

std::string line_of(const SavedRecord& record) {
  std::string line;
  append_record(line, record);
  return line;
}

std::set<std::string> lines_of(const Greylist& greylist) {
  std::set<std::string> lines;
  greylist.for_each([&](const SavedRecord& record) { lines.insert(line_of(record)); });
  return lines;
}

std::string text(const char* what, std::size_t number) {
  return what + std::to_string(number) + "@x.org";
}

// Decides for a random client and triplet.
void decide_some(Greylist& greylist, std::mt19937& random, Seconds now) {
  const std::string datagram = "I192.0.2." + std::to_string(random() % 40) + '\0' + "F" +
                               (random() % 5 == 0 ? "" : text("s", random() % 4)) + '\0' + "T" +
                               text("r", random() % 6) + '\0';
  wire::Query query;
  REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
  greylist.decide(query, Lists{}, now);
}

// One who walks, and what was there, and has not changed, since the walk began.
struct Walker {
  explicit Walker(Greylist& greylist, Table::Way way = Table::Way::from_old)
      : walk(greylist, way) {}
  void start(const Greylist& greylist) {
    unchanged = lines_of(greylist);
    visited.clear();
    walk.start();
    walking = true;
  }
  void step(std::size_t limit) {
    if (!walking) return;
    walking = walk.visit(limit, [&](const SavedRecord& record) { ++visited[line_of(record)]; });
  }
  // To be called after each change: what is not as it was need not be visited any more.
  void look(const std::set<std::string>& there) {
    std::erase_if(unchanged, [&](const std::string& line) { return !there.contains(line); });
  }

  Greylist::Walk walk;
  std::set<std::string> unchanged;
  std::map<std::string, int> visited;
  bool walking = false;
};

}  // namespace

TEST_CASE("of several walks and a pass of expiry each goes its way: what stays is visited once") {
  std::size_t whole_walks = 0;
  for (unsigned seed = 1; seed <= 80; ++seed) {
    std::mt19937 random(seed);
    Policy policy;
    policy.min_resend = 5;
    policy.resend_window = 60;
    policy.timeout = 400;
    // Sometimes so few that records are evicted all the time.
    Greylist greylist(policy, seed % 3 == 0 ? 60 : 1000, HashKey{});
    Seconds now = kNow;
    for (int i = 0; i < 150; ++i) decide_some(greylist, random, now += random() % 4);
    Walker walkers[3] = {Walker(greylist), Walker(greylist),
                         Walker(greylist, Table::Way::from_young)};
    for (int step = 0; step < 300; ++step) {
      now += random() % 4;
      if (random() % 50 == 0) now -= 100;  // the clock is set back
      // One goes on alone, or all in step: then they are at one record when it goes.
      const std::size_t chosen = random() % 4;
      const std::size_t limit = random() % 12;
      for (std::size_t i = 0; i < 3; ++i) {
        if (chosen < 3 && chosen != i) continue;
        if (!walkers[i].walking) walkers[i].start(greylist);
        walkers[i].step(limit);
      }
      for (std::size_t n = random() % 3; n > 0; --n) decide_some(greylist, random, now);
      if (random() % 4 == 0) greylist.expire(now, 1 + random() % 10);
      const auto there = lines_of(greylist);
      for (Walker& each : walkers) {
        each.look(there);
        if (each.walking) continue;
        for (const std::string& line : each.unchanged) {
          REQUIRE_MESSAGE(each.visited[line] == 1, "seed " << seed << ": " << line);
        }
        whole_walks += !each.unchanged.empty();
        each.unchanged.clear();
      }
    }
  }
  CHECK(whole_walks > 500);
}

TEST_CASE("a walk that a sorting meets on its way misses nothing") {
  // Restored from the youngest to the oldest, so that sorting turns the order round.
  constexpr std::size_t kRecords = 100;
  for (std::size_t before = 0; before <= kRecords; before += 5) {
    CAPTURE(before);
    const auto way = before % 10 == 0 ? Table::Way::from_old : Table::Way::from_young;
    Greylist greylist(Policy{}, 1000, HashKey{});
    for (std::size_t i = 0; i < kRecords; ++i) {
      const std::string sender = text("s", i);
      SavedRecord record;
      record.seen = kNow - Seconds(i);
      record.client = *Ip::parse("192.0.2.1");
      record.sender = sender;
      record.recipient = "r@x.org";
      REQUIRE(greylist.restore(record, kNow));
    }
    Walker walker(greylist, way);
    walker.start(greylist);
    walker.step(before);
    greylist.sort_by_age();
    walker.look(lines_of(greylist));
    walker.step(SIZE_MAX);
    CHECK(walker.unchanged.size() == kRecords);
    for (const std::string& line : walker.unchanged) CHECK(walker.visited[line] >= 1);
  }
}

TEST_CASE("a walk that follows misses nobody who moves, and comes to an end") {
  constexpr std::size_t kRecords = 1000;
  Greylist greylist(Policy{}, 1'000'000, HashKey{});
  std::size_t asked = 0;
  const auto decide = [&](std::size_t n, Seconds now) {
    const std::string datagram =
        "I192.0.2.1" + std::string(1, '\0') + "Fs@x" + '\0' + "T" + text("r", n) + '\0';
    wire::Query query;
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    greylist.decide(query, Lists{}, now);
    ++asked;
  };
  for (std::size_t n = 0; n < kRecords; ++n) decide(n, kNow);
  Greylist::Walk walk(greylist, Table::Way::following);
  std::set<std::string> visited;
  std::mt19937 random(7);
  Seconds now = kNow;
  // In each step some begin anew, ahead and behind, and some come.
  const auto walk_all = [&](std::size_t step) {
    walk.start();
    while (
        walk.visit(step, [&](const SavedRecord& record) { visited.emplace(record.recipient); })) {
      now += 50'000;
      for (int i = 0; i < 2; ++i) decide(random() % kRecords, now);
      for (int i = 0; i < 5; ++i) decide(kRecords + asked, now);
      REQUIRE(asked < 100 * kRecords);
    }
  };
  walk_all(20);
  for (std::size_t n = 0; n < kRecords; ++n) CHECK(visited.contains(text("r", n)));
  walk_all(3);  // more come than it visits
}

TEST_CASE(
    "a walk from the young end finds the youngest of a class first, and nobody who comes after") {
  Greylist greylist(Policy{}, 1000, HashKey{});
  const auto decide = [&](std::size_t n) {
    const std::string datagram =
        "I192.0.2.1" + std::string(1, '\0') + "Fs@x" + '\0' + "T" + text("r", n) + '\0';
    wire::Query query;
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    greylist.decide(query, Lists{}, kNow + Seconds(n));
  };
  for (std::size_t n = 0; n < 10; ++n) decide(n);
  Greylist::Walk walk(greylist, Table::Way::from_young);
  std::vector<Seconds> seen;
  const auto visit = [&](const SavedRecord& record) { seen.push_back(record.seen - kNow); };
  walk.start();
  REQUIRE(walk.visit(3, visit));
  decide(10);
  SUBCASE("to the oldest") {
    CHECK_FALSE(walk.visit(100, visit));
    CHECK(seen == std::vector<Seconds>{9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
  }
  SUBCASE("or to where it is told to stop") {
    walk.skip_list();
    CHECK_FALSE(walk.visit(100, visit));
    CHECK(seen == std::vector<Seconds>{9, 8, 7});
  }
}

TEST_CASE("records that move behind a walk take nobody's turn") {
  constexpr std::size_t kRecords = 1000;
  for (const bool erases : {false, true}) {
    Greylist greylist(Policy{}, 10'000, HashKey{});
    const auto decide = [&](std::size_t n, Seconds now) {
      const std::string datagram = "I192.0.2.1" + std::string(1, '\0') + "F" + std::string("s@x") +
                                   '\0' + "T" + text("r", n) + '\0';
      wire::Query query;
      REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
      greylist.decide(query, Lists{}, now);
    };
    for (std::size_t n = 0; n < kRecords; ++n) decide(n, kNow);
    Greylist::Walk walk(greylist);
    walk.start();
    std::map<std::string, int> visited;
    const auto visit = [&](const SavedRecord& record) { ++visited[std::string(record.recipient)]; };
    REQUIRE(walk.visit(kRecords / 2, visit));
    // Behind it most begin anew, at the young end; ahead the youngest goes, when it does.
    for (std::size_t n = 0; n < kRecords / 2 - 1; ++n) decide(n, kNow + 50'000);
    if (erases) {
      Greylist::Walk other(greylist);
      other.start();
      greylist.forget(other, kRecords, [&](const SavedRecord& record) {
        return record.recipient == text("r", kRecords - 1);
      });
    }
    while (walk.visit(7, visit)) continue;
    for (std::size_t n = 0; n + 1 < kRecords; ++n) {
      CAPTURE(n);
      CHECK(visited[text("r", n)] == 1);
    }
    CHECK(visited[text("r", kRecords - 1)] == (erases ? 0 : 1));
  }
}
