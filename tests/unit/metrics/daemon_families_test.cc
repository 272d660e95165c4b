// What a daemon says becomes figures: names and labels are those of greyctl(8), METRICS.
#include "greyd/metrics/daemon_families.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "greyd/fronts/counters_text.h"
#include "greyd/lookups/lookup_counters.h"
#include "greyd/shared/counters_text.h"

using namespace grey;
using namespace grey::metrics;
using nlohmann::json;

namespace {

std::string text_of(const json& stats, const json& status) {
  return to_text(families_of(stats, status), Format::text);
}
bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

// All that a daemon of now counts, each with a number of its own.
json all_counters() {
  json counters;
  Count next = 1;
  visit_counters(Counters(),
                 [&](std::string_view name, Count) { counters[std::string(name)] = next++; });
  shared::visit_counters(
      {}, {}, [&](std::string_view name, Count) { counters[std::string(name)] = next++; });
  visit_counters(LookupCounters(),
                 [&](std::string_view name, Count) { counters[std::string(name)] = next++; });
  return counters;
}

}  // namespace

TEST_CASE("what a daemon counts has its name, and its labels") {
  struct Row {
    std::string counter;  // of `stats`
    const char* sample;
  };
  const Row rows[] = {
      {"udp.decided.new", R"(greyd_decisions_total{reason="new",front="udp"})"},
      {"policy.decided.rule", R"(greyd_decisions_total{reason="rule",front="policy"})"},
      {"udp.faults.bad-client", R"(greyd_faults_total{kind="bad-client",front="udp"})"},
      {"policy.faults.too-long", R"(greyd_faults_total{kind="too-long",front="policy"})"},
      {"udp.foreign", "greyd_foreign_datagrams_total"},
      {"udp.overflow", R"(greyd_lost_answers_total{cause="overflow",front="udp"})"},
      {"policy.unanswered", R"(greyd_lost_answers_total{cause="unanswered",front="policy"})"},
      {"policy.no-opinion", "greyd_no_opinion_requests_total"},
      {"lookups.asked", "greyd_lookups_asked_total"},
      {"lookups.answered.no-record", R"(greyd_lookups_answered_total{end="no-record"})"},
      {"lookups.restarts", "greyd_lookups_helper_restarts_total"},
      {"attempts.first", "greyd_first_attempts_total"},
      {"attempts.never", R"(greyd_attempts_ended_total{how="never"})"},
      {"attempts.trusted", R"(greyd_attempts_ended_total{how="trusted"})"},
      {"records.evicted", "greyd_evictions_total"},
      {"records.evicted-over-share", "greyd_evictions_over_share_total"},
      {"control.connections.crowded-out",
       R"(greyd_connections_total{event="crowded-out",socket="control"})"},
      {"policy.connections.idle", R"(greyd_connections_total{event="idle",socket="policy"})"},
      {"state.saved", "greyd_snapshots_total"},
      {"state.save-failures", "greyd_save_failures_total"},
      {"state.journal-failures", "greyd_journal_failures_total"},
      {"state.unjournaled", "greyd_unjournaled_changes_total"},
      {"state.lost-records", "greyd_lost_records_total"},
      {"state.lost-changes", "greyd_lost_changes_total"},
      {"log.lines", "greyd_log_lines_dropped_total"},
      {"loop.unexpected", "greyd_unexpected_exceptions_total"},
      {"store.asked", "greyd_store_asked_total"},
      {"store.untold", "greyd_store_untold_total"},
      {"store.orders.heard", "greyd_store_orders_heard_total"},
      {"store.failures.timed_out", R"(greyd_store_failures_total{fault="timed_out"})"},
      {"store.connect-failures.denied", R"(greyd_store_connect_failures_total{fault="denied"})"},
      {"store.breaker-opened", "greyd_store_breaker_opened_total"},
  };
  const json counters = all_counters();
  const std::string text = text_of({{"counters", counters}}, json::object());
  for (const Row& row : rows) {
    CAPTURE(row.counter);
    REQUIRE(counters.contains(row.counter));
    CHECK(has_line(text, row.sample + (" " + counters[row.counter].dump())));
  }
}

// One that is added to the daemon, and not here, is missed nowhere else.
TEST_CASE("nothing that a daemon counts is left out") {
  json counters = all_counters();
  counters.erase("udp.faults.none");  // of an enumeration, and never counted
  counters.erase("policy.faults.none");
  counters.erase("attempts.passed");  // the histogram has both
  counters.erase("attempts.waited");
  const std::string text = text_of({{"counters", counters}}, json::object());
  for (const auto& [name, value] : counters.items()) {
    CAPTURE(name);
    CHECK(text.find(" " + value.dump() + "\n") != std::string::npos);
  }
}

TEST_CASE("how it stands has its names, too") {
  const json status = json::parse(R"({
    "version": "0.1.0", "since": 1764000000, "problems": ["one", "two"],
    "records": {"waiting": 11, "bounce": 12, "passed": 13, "known": 14, "most": 2000000,
                "bytes": 4112, "evicted": 5, "over_share": 15},
    "lists": {"loaded_at": 1764000001, "whitelist": {"entries": 21, "files": []},
              "blacklist": {"entries": 22}, "rules": {"entries": 23}, "allowed": 24, "blocked": 25},
    "state": {"saved_at": 1764000002, "journaling": false}})");
  const std::string text = text_of(json::object(), status);
  for (const std::string line :
       {"greyd_up 1", "greyd_build_info{version=\"0.1.0\"} 1", "greyd_problems 2",
        "greyd_journaling 0", "greyd_records{state=\"waiting\"} 11",
        "greyd_records{state=\"bounce\"} 12", "greyd_records{state=\"passed\"} 13",
        "greyd_records{state=\"known\"} 14", "greyd_records_limit 2000000",
        "greyd_records_over_share 15", "greyd_records_bytes 4112",
        "greyd_list_entries{list=\"whitelist\"} 21", "greyd_list_entries{list=\"blacklist\"} 22",
        "greyd_list_entries{list=\"rules\"} 23", "greyd_list_entries{list=\"allowed\"} 24",
        "greyd_list_entries{list=\"blocked\"} 25", "greyd_start_time_seconds 1764000000",
        "greyd_lists_loaded_timestamp_seconds 1764000001",
        "greyd_saved_timestamp_seconds 1764000002"}) {
    CAPTURE(line);
    CHECK(has_line(text, line));
  }
}

TEST_CASE("how the store stands, of a daemon that has one") {
  const auto text = [](const char* status) { return text_of(json::object(), json::parse(status)); };
  const std::string member = text(R"({"store": {"up": true, "state": "member", "healing": true}})");
  for (const char* const line : {"greyd_store_up 1", "greyd_store_member 1",
                                 "greyd_store_policy_differs 0", "greyd_store_healing 1"}) {
    CHECK(has_line(member, line));
  }
  CHECK(has_line(text(R"({"store": {"up": true, "state": "other_clock"}})"),
                 "greyd_store_clock_differs 1"));
  const std::string differs = text(R"({"store": {"up": true, "state": "other_policy"}})");
  for (const char* const line : {"greyd_store_up 1", "greyd_store_member 0",
                                 "greyd_store_policy_differs 1", "greyd_store_healing 0"}) {
    CHECK(has_line(differs, line));
  }
  json counters;
  visit_counters(Counters(),
                 [&](std::string_view name, Count) { counters[std::string(name)] = 1; });
  CHECK(text_of({{"counters", counters}}, json::object()).find("store") == std::string::npos);
}

TEST_CASE("retries are a histogram of how long they had waited") {
  const json stats = json::parse(R"({"counters": {"attempts.waited": 700},
                                     "attempts": {"bounds": [30, 300], "passed": [0, 1, 1]}})");
  const std::string text = text_of(stats, json::object());
  CHECK(has_line(text, "greyd_retry_delay_seconds_bucket{le=\"300\"} 1"));
  CHECK(has_line(text, "greyd_retry_delay_seconds_bucket{le=\"+Inf\"} 2"));
  CHECK(has_line(text, "greyd_retry_delay_seconds_sum 700"));
  CHECK(has_line(text, "greyd_retry_delay_seconds_count 2"));
}

TEST_CASE("what an older daemon does not say is left out") {
  const char* const kNothing =
      "# HELP greyd_up 1 when the daemon answers, else 0.\n# TYPE greyd_up gauge\ngreyd_up 1\n";
  for (
      const char* const odd :
      {R"({})", R"([])", R"(null)", R"(7)", R"({"counters": []})",
       R"({"counters": {"udp.decided.new": -1, "udp.foreign": "many", "state.saved": null}})",
       R"({"counters": {"attempts.waited": 1}, "attempts": {"bounds": [30], "passed": [1]}})",
       R"({"counters": {"attempts.waited": 1}, "attempts": {"bounds": 30, "passed": {}}})",
       R"({"counters": {"attempts.waited": 1}, "attempts": {"bounds": [-1], "passed": [1, 1]}})",
       R"({"records": 1, "lists": {"whitelist": {}}, "state": {"journaling": 1}, "problems": 2})"}) {
    CAPTURE(odd);
    CHECK(text_of(json::parse(odd), json::parse(odd)) == kNothing);
  }
}

TEST_CASE("of one that does not answer it is said that it does not") {
  CHECK(to_text(families_of_nobody(), Format::text).ends_with("\ngreyd_up 0\n"));
}
