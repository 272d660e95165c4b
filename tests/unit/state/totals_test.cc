// Hourly totals as lines, and their file.
#include <doctest/doctest.h>

#include <random>
#include <string>

#include "greyd/base/files.h"
#include "greyd/state/totals_file.h"
#include "greyd/state/totals_text.h"
#include "tests/temporary_directory.h"

using namespace grey;

namespace {

constexpr Seconds kHour0 = 1'700'002'800;

std::string line_of(const HourTotals& totals) {
  std::string line;
  append_totals(line, totals);
  return line;
}

HourTotals random_totals(std::mt19937& random, Seconds hour) {
  const auto pick = [&](unsigned below) { return Count(random() % below); };
  HourTotals totals;
  totals.hour = hour;
  const auto fill = [&](auto& counts) {
    if (pick(3) == 0) return;
    for (Count& count : counts) count = pick(2) * pick(1'000'000);
  };
  fill(totals.events.udp);
  fill(totals.events.policy);
  if (pick(2) == 0) totals.events.faults["udp.bad-client"] = 1 + pick(9);
  if (pick(2) == 0) totals.events.faults["policy.too-long"] = UINT64_MAX;
  totals.events.foreign = pick(2) * pick(9);
  totals.events.lost = pick(2) * pick(9);
  totals.events.evicted = pick(2) * pick(9);
  AttemptCounts& attempts = totals.attempts;
  attempts.first = pick(100);
  fill(attempts.passed);
  fill(attempts.early);
  fill(attempts.passed_early);
  fill(attempts.passed_early_waited);
  attempts.waited = pick(100'000);
  attempts.trusted = pick(2);
  attempts.never = pick(2);
  attempts.suspect = {pick(2) * pick(9), pick(2) * pick(9)};
  attempts.unsuspect = {pick(2) * pick(9), pick(2)};
  if (pick(2) == 0) attempts.longest = {400, "2001:db8::/64", "a\"\\%0A@x", ""};
  return totals;
}

}  // namespace

TEST_CASE("the totals of an hour read like this") {
  HourTotals totals;
  totals.hour = kHour0;
  CHECK(line_of(totals) == "{\"hour\":1700002800}\n");
  totals.events.udp[std::size_t(wire::Reason::new_triplet)] = 12;
  totals.events.policy[std::size_t(wire::Reason::known)] = 70;
  totals.events.faults["udp.bad-client"] = 4;
  totals.events.foreign = 2;
  totals.attempts.first = 12;
  totals.attempts.passed[age_class(310)] = 9;
  totals.attempts.waited = 2790;
  totals.attempts.suspect = {10, 8};
  totals.attempts.unsuspect.first = 2;
  totals.attempts.longest = {700, "192.0.2.7", "a@example.org", "b@example.net"};
  const std::string line =
      "{\"hour\":1700002800,\"udp\":{\"new\":12},\"policy\":{\"known\":70},"
      "\"faults\":{\"udp.bad-client\":4},\"foreign\":2,\"first\":12,\"passed\":[0,0,0,0,0,0,9],"
      "\"waited\":2790,\"suspect\":{\"first\":10,\"passed\":8},\"unsuspect\":{\"first\":2},"
      "\"longest\":{\"waited\":700,\"client\":\"192.0.2.7\","
      "\"sender\":\"a@example.org\",\"recipient\":\"b@example.net\"}}\n";
  CHECK(line_of(totals) == line);
  CHECK(read_totals(line) == totals);
  CHECK(hour_of_line(line) == kHour0);
}

TEST_CASE("whatever totals are written are read back the same") {
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    const HourTotals totals = random_totals(random, kHour0 + i * kHourSeconds);
    const std::string line = line_of(totals);
    CHECK(std::count(line.begin(), line.end(), '\n') == 1);
    CHECK(read_totals(line) == totals);
  }
}

TEST_CASE("a field that a later version has is passed over") {
  const auto totals = read_totals(R"({"hour":3600,"first":2,"pools":{"a":[1,"x"]}})");
  REQUIRE(totals);
  CHECK(totals->attempts.first == 2);
}

TEST_CASE("what are no totals of an hour is not taken for some") {
  for (const char* line :
       {"",
        "{}",
        "[]",
        "{\"hour\":3601}",
        "{\"hour\":-3600}",
        "{\"hour\":\"3600\"}",
        "{\"hour\":36000000000000}",
        "{\"first\":1,\"hour\":3600}",
        "{\"hour\":3600",
        "{\"hour\":3600}}",
        "{\"hour\":3600,\"first\":-1}",
        "{\"hour\":3600,\"first\":1.5}",
        "{\"hour\":3600,\"first\":\"1\"}",
        "{\"hour\":3600,\"udp\":[1]}",
        "{\"hour\":3600,\"udp\":{\"new\":-1}}",
        "{\"hour\":3600,\"passed\":{}}",
        "{\"hour\":3600,\"passed\":[-1]}",
        "{\"hour\":3600,\"passed\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}",
        "{\"hour\":3600,\"faults\":{\"x\":null}}",
        "{\"hour\":3600,\"longest\":{}}",
        "{\"hour\":3600,\"longest\":{\"waited\":1,\"client\":\"\",\"sender\":1}}"}) {
    CAPTURE(line);
    CHECK_FALSE(read_totals(line));
  }
}

TEST_CASE("a file of totals is read as it was written") {
  testing::TemporaryDirectory directory;
  const std::string path = directory / "context.totals";
  std::string note;
  CHECK(load_totals(path, 1, note) == std::string());
  const std::string lines = "{\"hour\":3600,\"first\":1}\n{\"hour\":10800,\"first\":2}\n";
  REQUIRE(save_totals(path, lines));
  CHECK(load_totals(path, 1, note) == lines);
  CHECK(note.empty());
  CHECK(read_file(path).value() == "qmail-greyd totals 1\n" + lines + "end 2\n");
}

TEST_CASE("of a damaged file what can be read is kept, and the whole under another name") {
  const std::string good = "{\"hour\":3600,\"first\":1}\n", later = "{\"hour\":7200,\"first\":2}\n";
  const std::string header = "qmail-greyd totals 1\n";
  struct Damage {
    std::string text, left, why;
  };
  for (const Damage& damage :
       {Damage{"", "", ":1: has no end line"}, Damage{header + good, good, ":3: has no end line"},
        Damage{header + good + "\xff\xfe\n" + later + "end 2\n", good + later, ":3: are no totals"},
        Damage{header + good + later + "end 3\n", good + later, ":4: the number of hours"},
        Damage{header + later + good + "end 2\n", later, ":3: is of no later hour"},
        Damage{header + good + good + "end 2\n", good, ":3: is of no later hour"},
        Damage{header + good + "end 1\n" + later, good, ":4: more behind the end"},
        Damage{good + "end 1\n", "", ":1: is not 'qmail-greyd totals 1'"},
        Damage{header + good + later.substr(0, 12), good, ":3: are no totals"}}) {
    CAPTURE(damage.text);
    testing::TemporaryDirectory directory;
    const std::string path = directory / "context.totals";
    REQUIRE(replace_file(path, damage.text));
    std::string note;
    const auto lines = load_totals(path, 17, note);
    REQUIRE(lines);
    CHECK(*lines == damage.left);
    CHECK(note.find(path + damage.why) == 0);
    CHECK(note.find("context.totals.damaged.17") != std::string::npos);
    CHECK(read_file(path + ".damaged.17").value() == damage.text);
  }
}

TEST_CASE("of a line that was written by others only what is known is handed on") {
  const std::string odd =
      "qmail-greyd totals 1\n{\"hour\":3600,\"done\":true,\"\xC2\x9B\":\"x\",\"first\":1}\nend 1\n";
  const auto read = read_totals_file(odd);
  CHECK(read.bad.empty());
  CHECK(read.lines == "{\"hour\":3600,\"first\":1}\n");
}

TEST_CASE("a file that cannot be read is an error, and stays") {
  testing::TemporaryDirectory directory;
  REQUIRE(std::filesystem::create_directory(directory / "context.totals"));
  std::string note;
  const auto lines = load_totals(directory / "context.totals", 1, note);
  REQUIRE_FALSE(lines);
  CHECK(lines.error().text.find("context.totals") != std::string::npos);
}
