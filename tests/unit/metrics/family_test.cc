// Both forms of the same families, as greyctl(8), METRICS, has them.
#include "greyd/metrics/family.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace grey::metrics;
using Type = Family::Type;

namespace {

std::string text_of(const Family& family, Format format) {
  return to_text(std::vector{family}, format);
}

}  // namespace

TEST_CASE("a family is written as each form wants it") {
  struct Row {
    std::string name;
    Family family;
    const char* text;
    const char* openmetrics;
  };
  const Row rows[] = {
      {"a counter is described by its whole name, or without its ending",
       {"greyd_decisions",
        Type::counter,
        "Queries.",
        {{{{"reason", "new"}, {"front", "udp"}}, 3}, {{{"reason", "early"}, {"front", "udp"}}, 0}},
        {}},
       "# HELP greyd_decisions_total Queries.\n"
       "# TYPE greyd_decisions_total counter\n"
       "greyd_decisions_total{reason=\"new\",front=\"udp\"} 3\n"
       "greyd_decisions_total{reason=\"early\",front=\"udp\"} 0\n",
       "# HELP greyd_decisions Queries.\n"
       "# TYPE greyd_decisions counter\n"
       "greyd_decisions_total{reason=\"new\",front=\"udp\"} 3\n"
       "greyd_decisions_total{reason=\"early\",front=\"udp\"} 0\n"
       "# EOF\n"},
      {"a gauge has its unit in its name",
       {"greyd_records_bytes", Type::gauge, "Memory.", {{{}, 4112}}, {}},
       "# HELP greyd_records_bytes Memory.\n"
       "# TYPE greyd_records_bytes gauge\n"
       "greyd_records_bytes 4112\n",
       "# HELP greyd_records_bytes Memory.\n"
       "# TYPE greyd_records_bytes gauge\n"
       "# UNIT greyd_records_bytes bytes\n"
       "greyd_records_bytes 4112\n"
       "# EOF\n"},
      {"an info is a gauge that is 1",
       {"greyd_build", Type::info, "Version.", {{{{"version", "0.1.0"}}, 1}}, {}},
       "# HELP greyd_build_info Version.\n"
       "# TYPE greyd_build_info gauge\n"
       "greyd_build_info{version=\"0.1.0\"} 1\n",
       "# HELP greyd_build Version.\n"
       "# TYPE greyd_build info\n"
       "greyd_build_info{version=\"0.1.0\"} 1\n"
       "# EOF\n"},
      {"a histogram's classes each have those before them in them",
       {"greyd_retry_delay_seconds",
        Type::histogram,
        "Delays.",
        {},
        Histogram{{30, 300}, {2, 5, 1}, 1234}},
       "# HELP greyd_retry_delay_seconds Delays.\n"
       "# TYPE greyd_retry_delay_seconds histogram\n"
       "greyd_retry_delay_seconds_bucket{le=\"30\"} 2\n"
       "greyd_retry_delay_seconds_bucket{le=\"300\"} 7\n"
       "greyd_retry_delay_seconds_bucket{le=\"+Inf\"} 8\n"
       "greyd_retry_delay_seconds_sum 1234\n"
       "greyd_retry_delay_seconds_count 8\n",
       "# HELP greyd_retry_delay_seconds Delays.\n"
       "# TYPE greyd_retry_delay_seconds histogram\n"
       "# UNIT greyd_retry_delay_seconds seconds\n"
       "greyd_retry_delay_seconds_bucket{le=\"30.0\"} 2\n"
       "greyd_retry_delay_seconds_bucket{le=\"300.0\"} 7\n"
       "greyd_retry_delay_seconds_bucket{le=\"+Inf\"} 8\n"
       "greyd_retry_delay_seconds_sum 1234\n"
       "greyd_retry_delay_seconds_count 8\n"
       "# EOF\n"},
      {"a label's value cannot end it",
       {"greyd_build", Type::gauge, "V.", {{{{"v", "a\"} 1\nb\\c"}}, 1}}, {}},
       "# HELP greyd_build V.\n"
       "# TYPE greyd_build gauge\n"
       "greyd_build{v=\"a\\\"} 1\\nb\\\\c\"} 1\n",
       "# HELP greyd_build V.\n"
       "# TYPE greyd_build gauge\n"
       "greyd_build{v=\"a\\\"} 1\\nb\\\\c\"} 1\n"
       "# EOF\n"},
      {"one without a sample is not there",
       {"greyd_none", Type::gauge, "N.", {}, {}},
       "",
       "# EOF\n"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(text_of(row.family, Format::text) == row.text);
    CHECK(text_of(row.family, Format::openmetrics) == row.openmetrics);
  }
}

TEST_CASE("numbers are written whole, up to the greatest") {
  const Family family{"greyd_x", Type::gauge, "X.", {{{}, UINT64_MAX}}, {}};
  CHECK(text_of(family, Format::text).ends_with("\ngreyd_x 18446744073709551615\n"));
}

TEST_CASE("who asks is given the form that is wanted most") {
  struct Row {
    std::string accept;
    Format format;
  };
  constexpr Format kOpen = Format::openmetrics, kText = Format::text;
  const Row rows[] = {
      {"", kText},
      {"*/*", kText},
      {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", kText},
      // Prometheus 2.42, and before 2.0 of OpenMetrics.
      {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
       "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
       kOpen},
      {"application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
       kOpen},
      {"application/openmetrics-text", kOpen},
      {"Application/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=1", kOpen},
      {"text/plain, application/openmetrics-text", kOpen},
      {"text/plain;q=0.9, application/openmetrics-text;q=0.8", kText},
      {"text/plain;q=0.8, application/openmetrics-text;q=0.9", kOpen},
      // A version that is not made here is none of the two.
      {"application/openmetrics-text;version=2.0.0, text/plain;q=0.1", kText},
      {"application/openmetrics-text;version=2.0.0;q=1, application/openmetrics-text;version=1.0.0;"
       "q=0.5, text/plain;q=0.6",
       kText},
      // What is named more nearly counts: here q=0 and 0.2.
      {"application/openmetrics-text;q=0, */*", kText},
      {"application/openmetrics-text;q=0.9, text/plain;q=0.1, */*", kOpen},
      {"text/*;q=0.2, application/*;q=0.3", kOpen},
      {"text/plain;q=0, application/*;q=0.001", kOpen},
      // Nothing that can be given: text is better than nothing.
      {"image/png", kText},
      {"application/openmetrics-text;q=0, text/plain;q=0", kText},
      // What is no quality wants nothing, and nothing here is read beyond its end.
      {"application/openmetrics-text;q=2", kText},
      {"application/openmetrics-text;q=", kText},
      {"application/openmetrics-text;q=0.12345", kText},
      {"application/openmetrics-text;q=-1", kText},
      {";;;,,,=;q", kText},
      {"application/openmetrics-text;q=0.001", kOpen},
  };
  for (const Row& row : rows) {
    CAPTURE(row.accept);
    CHECK(format_for(row.accept) == row.format);
  }
}

TEST_CASE("each form says what it is") {
  CHECK(media_type(Format::text) == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(media_type(Format::openmetrics) ==
        "application/openmetrics-text; version=1.0.0; charset=utf-8");
}
