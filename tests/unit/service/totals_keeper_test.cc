// Hourly totals as days go by, by a clock of the test's own.
#include "greyd/service/totals_keeper.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "greyd/base/files.h"
#include "greyd/state/totals_file.h"
#include "tests/temporary_directory.h"
#include "tests/unit/late_background.h"

using namespace grey;

namespace {

constexpr Seconds kStart = 1'700'002'800;
constexpr Seconds kDay = 24 * kHourSeconds;
constexpr Seconds kLife = 7 * kDay;

struct Fixture {
  Fixture() { start(kStart); }

  void start(Seconds now, Seconds life = kLife) {
    keeper = std::make_unique<TotalsKeeper>(path, life, background, totals,
                                            [this](const std::string& text) { said += text; });
    happened = {};
    keeper->happened_is([this] { return happened; });
    greylist = std::make_unique<Greylist>(Policy{}, 10'000, HashKey{});
    keeper->load(now, *greylist, note);
  }
  void tick(Seconds now, bool in_doubt = false) {
    keeper->tick(now, in_doubt);
    background.drain();
  }
  void first_attempt(Seconds now) {
    const std::string datagram = "I192.0.2.1" + std::string(1, '\0') + "Fa@x" + '\0' + "T" +
                                 std::to_string(++recipients) + "@y" + '\0';
    wire::Query query;
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    greylist->decide(query, Lists(), now);
    ++happened.udp[std::size_t(wire::Reason::new_triplet)];
  }
  std::string lines(Seconds since, Seconds now) {
    const auto of = keeper->lines(since, now);
    return of.older->substr(of.older_from) + of.recent;
  }
  std::string file() { return read_file(path).value().value_or(""); }
  static std::string line(Seconds hour, const std::string& fields) {
    return "{\"hour\":" + std::to_string(hour) + fields + "}\n";
  }

  testing::TemporaryDirectory directory;
  std::string path = directory / "context.totals";
  testing::LateBackground background;
  AttemptTotals totals;
  HourEvents happened;
  std::unique_ptr<Greylist> greylist;
  std::unique_ptr<TotalsKeeper> keeper;
  std::string said, note;
  int recipients = 0;
};

const std::string kOneNew = R"(,"udp":{"new":1},"first":1,"suspect":{"first":1})";

}  // namespace

TEST_CASE_FIXTURE(Fixture,
                  "what happens is in its hour's totals, and on the disk within a minute") {
  first_attempt(kStart + 10);
  CHECK(lines(0, kStart + 11) == line(kStart, kOneNew));
  tick(kStart + 59);
  CHECK(file().empty());
  tick(kStart + 60);
  CHECK(file() == "qmail-greyd totals 1\n" + line(kStart, kOneNew) + "end 1\n");
  happened.foreign = 7;
  tick(kStart + kHourSeconds);
  happened.foreign = 9;
  CHECK(lines(0, kStart + kHourSeconds + 1) ==
        line(kStart, R"(,"udp":{"new":1},"foreign":7,"first":1,"suspect":{"first":1})") +
            line(kStart + kHourSeconds, R"(,"foreign":2)"));
}

TEST_CASE_FIXTURE(Fixture, "totals outlive a restart, and go on") {
  first_attempt(kStart + 10);
  REQUIRE(keeper->save(kStart + 20));
  start(kStart + 30);
  first_attempt(kStart + 40);
  CHECK(lines(0, kStart + 50) ==
        line(kStart, R"(,"udp":{"new":2},"first":2,"suspect":{"first":2})"));
}

TEST_CASE_FIXTURE(Fixture, "what waits when totals begin has begun in its hour") {
  Greylist old(Policy{}, 1000, HashKey{});
  SavedRecord record;
  record.client = Client(*Ip::parse("192.0.2.1"));
  record.seen = kStart - 2 * kHourSeconds;
  greylist = std::make_unique<Greylist>(Policy{}, 1000, HashKey{});
  greylist->restore(record, kStart);
  keeper = std::make_unique<TotalsKeeper>(path, kLife, background, totals, [](const auto&) {});
  keeper->load(kStart, *greylist, note);
  CHECK(lines(0, kStart) == line(kStart - 2 * kHourSeconds, R"(,"first":1)"));
}

TEST_CASE_FIXTURE(Fixture,
                  "hours in which nothing happened have no line, and since is by the hour") {
  first_attempt(kStart);
  tick(kStart + 60);
  tick(kStart + 5 * kHourSeconds);
  first_attempt(kStart + 5 * kHourSeconds);
  CHECK(lines(kStart + 30, kStart + 5 * kHourSeconds) ==
        line(kStart, kOneNew) + line(kStart + 5 * kHourSeconds, kOneNew));
  CHECK(lines(kStart + kHourSeconds, kStart + 5 * kHourSeconds) ==
        line(kStart + 5 * kHourSeconds, kOneNew));
  CHECK(lines(kStart + 6 * kHourSeconds, kStart + 5 * kHourSeconds).empty());
  CHECK(keeper->lines(kStart + 6 * kHourSeconds, kStart + 5 * kHourSeconds).from == kStart);
}

TEST_CASE_FIXTURE(Fixture, "an hour's totals change as long as its triplets may wait") {
  first_attempt(kStart);
  const Seconds later = kStart + kLife + kHourSeconds;
  tick(later);
  greylist->expire(later, SIZE_MAX);
  CHECK(lines(0, later) ==
        line(kStart, R"(,"udp":{"new":1},"first":1,"never":1,"suspect":{"first":1})"));
  tick(later + 2 * kHourSeconds);
  CHECK(keeper->lines(0, later + 2 * kHourSeconds).recent.empty());
  CHECK(lines(0, later + 2 * kHourSeconds) ==
        line(kStart, R"(,"udp":{"new":1},"first":1,"never":1,"suspect":{"first":1})"));
}

TEST_CASE_FIXTURE(Fixture, "an end is counted that comes late, and one after a long timeout") {
  Policy patient;
  patient.timeout = 40 * kDay;
  start(kStart, patient.timeout);
  greylist = std::make_unique<Greylist>(patient, 100, HashKey{});
  keeper->load(kStart, *greylist, note);
  first_attempt(kStart);
  for (Seconds day = 0; day <= 45; ++day) tick(kStart + day * kDay);
  const Seconds later = kStart + 45 * kDay + 9 * kHourSeconds;
  tick(later);
  greylist->expire(later, SIZE_MAX);
  CHECK(lines(0, later) ==
        line(kStart, R"(,"udp":{"new":1},"first":1,"never":1,"suspect":{"first":1})"));
}

TEST_CASE_FIXTURE(Fixture, "what ended while nobody ran ends at the start") {
  first_attempt(kStart);
  REQUIRE(keeper->save(kStart + 20));
  SavedRecord record;
  record.client = Client(*Ip::parse("192.0.2.1"));
  record.seen = kStart;
  greylist = std::make_unique<Greylist>(Policy{}, 1000, HashKey{});
  greylist->set_expiry(Expiry::suspended);
  greylist->restore(record, kStart + 9 * kDay);
  keeper = std::make_unique<TotalsKeeper>(path, kLife, background, totals, [](const auto&) {});
  keeper->load(kStart + 9 * kDay, *greylist, note);
  greylist->set_expiry(Expiry::usual);
  greylist->expire(kStart + 9 * kDay, SIZE_MAX);
  CHECK(lines(0, kStart + 9 * kDay) ==
        line(kStart, R"(,"udp":{"new":1},"first":1,"never":1,"suspect":{"first":1})"));
}

TEST_CASE_FIXTURE(Fixture, "first attempts that a death has lost are those that wait") {
  first_attempt(kStart);
  REQUIRE(keeper->save(kStart + 20));
  greylist = std::make_unique<Greylist>(Policy{}, 1000, HashKey{});
  for (int i = 0; i < 50; ++i) {
    const std::string recipient = std::to_string(i) + "@y";
    SavedRecord record;
    record.client = Client(*Ip::parse("192.0.2.1"));
    record.seen = kStart + 30;
    record.recipient = recipient;
    greylist->restore(record, kStart + 40);
  }
  keeper = std::make_unique<TotalsKeeper>(path, kLife, background, totals, [](const auto&) {});
  keeper->load(kStart + 40, *greylist, note);
  CHECK(lines(0, kStart + 40) ==
        line(kStart, R"(,"udp":{"new":1},"first":50,"suspect":{"first":1})"));
}

TEST_CASE_FIXTURE(Fixture, "a clock that is years ahead for an hour takes no year of totals") {
  for (Seconds day = 0; day < 100; ++day) {
    tick(kStart + day * kDay);
    first_attempt(kStart + day * kDay);
    tick(kStart + day * kDay + 60);
    greylist->expire(kStart + day * kDay, SIZE_MAX);
  }
  const Seconds ahead = kStart + 5 * 365 * kDay;
  for (Seconds minute = 0; minute < 60; ++minute) tick(ahead + 60 * minute);
  const std::string left = lines(0, kStart + 100 * kDay);
  CHECK(std::count(left.begin(), left.end(), '\n') >= 40);
}

TEST_CASE_FIXTURE(Fixture, "totals are kept for 400 days") {
  for (Seconds day = 0; day < 420; ++day) {
    first_attempt(kStart + day * kDay);
    tick(kStart + day * kDay + 60);
    greylist->expire(kStart + day * kDay, SIZE_MAX);
  }
  const Seconds now = kStart + 419 * kDay + 60;
  CHECK(keeper->lines(0, now).from == kStart + 19 * kDay);
  start(now);
  CHECK(keeper->lines(0, now).from == kStart + 19 * kDay);
  CHECK(note.empty());
}

TEST_CASE_FIXTURE(Fixture, "a clock that was wrong for a while loses nothing of before") {
  for (Seconds day = 0; day < 20; ++day) {
    tick(kStart + day * kDay);
    first_attempt(kStart + day * kDay);
    tick(kStart + day * kDay + 60);
  }
  const Seconds now = kStart + 19 * kDay + 120;
  const std::string before = lines(0, now);
  CHECK(std::count(before.begin(), before.end(), '\n') == 20);
  SUBCASE("while that is in doubt") {
    tick(now + 1000 * kDay, true);
  }
  SUBCASE("for so long that it was believed, and by less than is kept") {
    tick(now + 300 * kDay);
  }
  SUBCASE("back, and then right again") {
    tick(now - 15 * kDay);
  }
  tick(now + 1);
  CHECK(lines(0, now + 1) == before);
  first_attempt(now + 2);
  tick(now + 70);
  CHECK(lines(kStart + 19 * kDay, now + 70) ==
        line(kStart + 19 * kDay, R"(,"udp":{"new":2},"first":2,"suspect":{"first":2})"));
}

TEST_CASE_FIXTURE(Fixture,
                  "a disk that is full is said each minute, and made good when it is not") {
  first_attempt(kStart);
  std::filesystem::create_directory(path);  // it cannot be replaced by a file
  tick(kStart + 60);
  tick(kStart + 61);
  CHECK(said.find("totals: ") == 0);
  CHECK(said.find(path) != std::string::npos);
  const auto once = said.size();
  tick(kStart + 120);
  CHECK(said.size() == 2 * once);
  CHECK_FALSE(keeper->save(kStart + 130));
  std::filesystem::remove(path);
  tick(kStart + 180);
  CHECK(file() == "qmail-greyd totals 1\n" + line(kStart, kOneNew) + "end 1\n");
}

TEST_CASE_FIXTURE(Fixture,
                  "a file that cannot be read is said, is left alone, and nothing else fails") {
  std::filesystem::create_directory(path);
  start(kStart);
  CHECK(note.find("totals: ") == 0);
  CHECK(note.find(path) != std::string::npos);
  first_attempt(kStart);
  tick(kStart + 60);
  CHECK(lines(0, kStart + 60) == line(kStart, kOneNew));
  CHECK(keeper->save(kStart + 70));
  CHECK(said.empty());
  CHECK(std::filesystem::is_directory(path));
}

TEST_CASE_FIXTURE(Fixture, "one that is gone is not told that its file is written") {
  first_attempt(kStart);
  keeper->tick(kStart + 60, false);
  CHECK(background.jobs.size() == 1);
  greylist->count_attempts_in(nullptr);
  keeper.reset();
  background.drain();
  CHECK(file().find("end 1") != std::string::npos);
}
