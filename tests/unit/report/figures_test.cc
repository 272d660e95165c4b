// Quantiles, other min resends, counting by name, records read.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "greyd/report/other_resend.h"
#include "greyd/report/record_line.h"
#include "greyd/report/report.h"
#include "greyd/report/report_words.h"
#include "greyd/report/tally.h"

using namespace grey;
using namespace grey::report;

namespace {

AgeCounts ages(std::initializer_list<std::pair<Seconds, Count>> counts) {
  AgeCounts made{};
  for (const auto& [age, count] : counts) made[age_class(age)] += count;
  return made;
}

const OtherResend& row_of(const std::vector<OtherResend>& rows, Seconds min_resend) {
  for (const OtherResend& row : rows) {
    if (row.min_resend == min_resend) return row;
  }
  FAIL("no row of " << min_resend);
  return rows.front();
}

}  // namespace

TEST_CASE("a quantile lies within its class, evenly") {
  Delays delays;
  CHECK_FALSE(delays.quantile(0.5));
  CHECK_FALSE(delays.mean());
  delays.counts = ages({{300, 10}});  // 5m to 7m
  CHECK(delays.quantile(0.5) == 360);
  CHECK(delays.quantile(0.9) == 408);
  delays.longest = 320;  // nobody waited longer
  CHECK(delays.quantile(0.5) == 310);
  delays = {ages({{300, 5}, {600, 5}}), 0, 0};
  CHECK(delays.quantile(0.5) == 420);
  CHECK(delays.quantile(0.75) == 750);
}

TEST_CASE("the last class ends with who waited longest") {
  Delays delays{ages({{86400, 4}}), 0, 100'000};
  CHECK(delays.quantile(0.5) == 93'200);
  delays.longest = 0;
  CHECK(delays.quantile(0.5) == 86400);
}

TEST_CASE(
    "a shorter min resend: whom it would have let in, and what it would have saved at least") {
  AttemptCounts sums;
  sums.early = ages({{10, 100}, {60, 7}, {200, 2}});  // have not passed, by their last early retry
  sums.passed_early = ages({{70, 3}});                // accepted after 600 seconds each
  sums.passed_early_waited = ages({{70, 1800}});
  const auto rows = other_resends(sums, 300);
  CHECK(row_of(rows, 30).let_in == 9);
  CHECK(row_of(rows, 60).let_in == 9);
  CHECK(row_of(rows, 120).let_in == 2);
  CHECK(row_of(rows, 180).let_in == 2);
  CHECK(row_of(rows, 60).sooner == 3);
  CHECK(row_of(rows, 60).saved == 1800 - 3 * 120);  // they came back before 120 seconds
  CHECK(row_of(rows, 120).sooner == 0);
  CHECK(row_of(rows, 300).is_now);
}

TEST_CASE("a longer min resend: who would have had to come once more") {
  AttemptCounts sums;
  sums.passed = ages({{300, 4}, {599, 2}, {600, 8}, {3600, 16}});
  const auto rows = other_resends(sums, 300);
  CHECK(row_of(rows, 600).again == 6);
  CHECK(row_of(rows, 900).again == 14);
  CHECK(row_of(rows, 3600).again == 14);
  CHECK(row_of(rows, 3600).let_in == 0);
}

TEST_CASE("nothing is saved that is not sure, and a min resend of one's own has its place") {
  AttemptCounts sums;
  sums.passed_early = ages({{250, 2}});
  sums.passed_early_waited = ages({{250, 520}});  // less than 2 * 300
  const auto rows = other_resends(sums, 260);
  CHECK(row_of(rows, 180).sooner == 2);
  CHECK(row_of(rows, 180).saved == 0);
  CHECK(row_of(rows, 260).is_now);
  Seconds before = 0;
  for (const OtherResend& row : rows) {
    CHECK(row.min_resend > before);
    before = row.min_resend;
  }
  CHECK(other_resends(sums, 7200).back().is_now);
}

TEST_CASE("names are counted exactly, and texts kept where they may be shown") {
  Tally tally(HashKey{});
  for (int i = 0; i < 250'000; ++i) tally.add("domain" + std::to_string(i));
  for (int i = 0; i < 3; ++i)
    tally.add("domain249999");  // behind those whose texts are kept at once
  tally.add("domain7");
  const Ranking ranking = tally.ranking(3);
  CHECK(ranking.all == 250'000);
  REQUIRE(ranking.first.size() == 3);
  CHECK(ranking.first[0].name == "domain249999");
  CHECK(ranking.first[0].deferred == 4);
  CHECK(ranking.first[1].name == "domain7");
  CHECK(ranking.first[2].deferred == 1);
  Tally longs(HashKey{});
  longs.add(std::string(5000, 'x'));
  CHECK(longs.ranking(1).first[0].name.size() == 100);
}

TEST_CASE("a record's line is read as JSON has it") {
  RecordLine record;
  REQUIRE(read_record_line(R"({"state":"waiting","client":"192.0.2.7","sender":"a\"\\b@x",)"
                           R"("recipient":"<>","first_seen":1700000000,"new_field":"x"})",
                           record));
  CHECK(record.state == "waiting");
  CHECK(record.sender == "a\"\\b@x");
  CHECK(record.recipient == "<>");
  CHECK(record.seen == 1'700'000'000);
  REQUIRE(read_record_line(R"({"state":"known","client":"::1","last_seen":5,"passes":3})", record));
  CHECK(record.sender.empty());
  CHECK(record.passes == 3);
}

TEST_CASE("what is no record's line is refused, and never read beyond") {
  RecordLine record;
  const std::string good = R"({"state":"waiting","client":"192.0.2.7","first_seen":17})";
  REQUIRE(read_record_line(good, record));
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK_FALSE(read_record_line(std::string_view(good).substr(0, size), record));
  }
  for (const char* bad :
       {"[]", R"({"a":1}x)", R"({"a":-1})", R"({"a":"\u0041"})", R"({"a":"\)", R"({"a":{}})",
        "{\"a\":\"\x1b[31m\"}", R"({"first_seen":99999999999999999999})", R"({"a":1,})"}) {
    CAPTURE(bad);
    CHECK_FALSE(read_record_line(bad, record));
  }
}

TEST_CASE("numbers are read easily, and a share says neither all nor nothing where it is not") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(1234567) == "1,234,567");
  CHECK(rounded(9'999) == "9,999");
  CHECK(rounded(15'000) == "15k");
  CHECK(rounded(1'500'000) == "1.5M");
  CHECK(rounded(20'000'000'000) == "20G");
  CHECK(percent(1, 0) == "-");
  CHECK(percent(0, 5) == "0.0 %");
  CHECK(percent(1, 1'000'000) == "<0.1 %");
  CHECK(percent(999'999, 1'000'000) == "99.9 %");
  CHECK(percent(5, 5) == "100.0 %");
}
