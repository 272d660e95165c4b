// A report as text, page and JSON.
#include <doctest/doctest.h>

#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string>

#include "greyd/report/html_parts.h"
#include "greyd/report/report_html.h"
#include "greyd/report/report_json.h"
#include "greyd/report/report_maker.h"
#include "greyd/report/report_text.h"

using namespace grey;
using namespace grey::report;

namespace {

constexpr Seconds kNow = 1'700'000'000;  // 2023-11-14 22:13:20 UTC

Report made(const std::string& hour = {}, const std::string& sender = "a@x.example") {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  ReportMaker maker({kNow - 3600, kNow, {}, "1.2.3"}, HashKey{});
  if (!hour.empty()) {
    const auto totals =
        read_totals(R"({"hour":)" + std::to_string(hour_of(kNow)) + "," + hour + "}");
    REQUIRE(totals);
    maker.add(*totals);
    maker.kept_from(hour_of(kNow));
    maker.add(RecordLine{"waiting", "192.0.2.7", sender, "b@y.example", kNow - 60, 0});
  }
  return maker.finish();
}

const std::string kHour4 = R"("udp":{"new":4,"early":1,"passed":3},"first":4,)"
                           R"("passed":[0,0,0,0,0,0,3],"waited":1080,)"
                           R"("longest":{"waited":400,"client":"192.0.2.9",)"
                           R"("sender":"<script>alert(1)</script>@x","recipient":"b@y"})";

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}
std::size_t widest(const std::string& text) {
  std::size_t most = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    most = std::max(most, end - at);
    at = end + 1;
  }
  return most;
}

}  // namespace

TEST_CASE("as text: what was held back, what came back and how long it waited") {
  const std::string text = report_text(made(kHour4), {false, false, 80});
  CHECK(has(text, "Greylisting, 2023-11-14 21:00 to 22:13\n"));
  CHECK(has(text, "counted since 2023-11-14 22:00 only"));
  CHECK(has(text, "  new                     4   50.0 %  ####"));
  CHECK(has(text, "  came back                     3   75.0 %  ###"));
  CHECK(has(text, "  still open                    1   25.0 %  ###"));
  CHECK(has(text, "  median 5m 50s, p90 6m 30s, mean 6m, longest 6m 40s\n"));
  CHECK(has(text, "  22:00                4    0.0 %   75.0 %    5m 50s  ###"));
  CHECK(has(text, "  192.0.2.0/24          1  ###"));
  CHECK(has(text, "-> b@y"));
}

TEST_CASE("what greylisting suspects alone would have come to, and has, in each form") {
  const std::string hour = R"("udp":{"new":4,"unsuspect":3},"first":1004,"suspect":)"
                           R"({"first":192,"passed":192},"unsuspect":{"first":812,"passed":812})";
  Report report = made(hour);
  CHECK(has(report_text(report, {false, false, 120}),
            "With --select=suspect: 812 of 1,004 messages that were delayed would not have been."));
  report.suspect.never = 960;
  report.unsuspect.never = 40;
  const std::string text = report_text(report, {false, false, 200});
  CHECK(has(text, "  suspect               192        192        960\n"));
  CHECK(has(text, "  not suspect           812        812         40\n"));
  CHECK(has(text, "96.0 % of what never came back is suspect."));
  CHECK(has(report_html(report, {}), "96.0 % of what never came back is suspect."));
  const auto json = nlohmann::json::parse(report_json(report));
  CHECK(json["select"] == "all");
  CHECK(json["suspect"] == nlohmann::json({{"first", 192}, {"passed", 192}, {"never", 960}}));
  CHECK(json["unsuspect"]["never"] == 40);
  report.policy.select = Select::suspect;
  CHECK(has(report_text(report, {false, false, 120}),
            "--select=suspect: 3 accepted at once, as nothing spoke against their client."));
  CHECK_FALSE(has(report_text(made(kHour4), {false, false, 100}), "Who is suspect"));
}

TEST_CASE("a terminal's width is kept, whatever is in a report") {
  const std::string sender(200, 'x');
  for (const std::size_t width : {0, 40, 64, 80, 200}) {
    CAPTURE(width);
    Report report = made(kHour4, sender + "@" + sender);
    report.mta[0] = 123'456'789;
    report.longest.push_back({500, "2001:db8:1111:2222:3333:4444:5555:6666", sender, sender});
    report.longest.push_back({500, "=" + sender, sender, sender});
    report.several.push_back({"2001:db8:1111::/48", 1000, 1000, sender, sender});
    report.faults[sender] = 1;
    const std::string text = report_text(report, {false, false, width});
    CHECK(widest(text) <= std::max<std::size_t>(width, 64));
  }
}

TEST_CASE("bars are of '#' where the locale is not UTF-8, and colours where a terminal has them") {
  const Report report = made(kHour4);
  const std::string plain = report_text(report, {false, false, 80});
  for (const char c : plain) CHECK_MESSAGE((c == '\n' || (c >= ' ' && c <= '~')), int(c));
  CHECK(has(report_text(report, {false, true, 80}), "\u2588\u2588"));
  CHECK(has(report_text(report, {true, true, 80}), "\033[33m\u2588"));
}

TEST_CASE("nothing that could be counted reads well") {
  const std::string text = report_text(made(), {false, false, 80});
  CHECK(has(text, "nothing has been counted yet"));
  CHECK(has(text, "Nothing has been asked in this time."));
  const std::string html = report_html(made());
  CHECK(has(html, "Nothing has been counted yet."));
  // Decisions, but no first attempt.
  for (const std::string& shown :
       {text, html, report_html(made(R"("udp":{"known":5})")),
        report_text(made(R"("udp":{"known":5})"), {}), report_json(made(R"("udp":{"known":5})"))}) {
    CHECK_FALSE(has(shown, "nan"));
    CHECK_FALSE(has(shown, "inf"));
  }
}

TEST_CASE("what comes from outside is text in the page, and never a tag") {
  const std::string html = report_html(made(kHour4, "\"'&<img src=x onerror=alert(1)>\x80@<b>x"));
  CHECK(has(html, "&lt;script&gt;alert(1)&lt;/script&gt;"));
  CHECK_FALSE(has(html, "<img"));
  CHECK_FALSE(has(html, "<b>x"));
  CHECK_FALSE(has(html, "<script>alert"));
  CHECK(escaped("\"'&<>\x80\n") == "&quot;&#39;&amp;&lt;&gt;%80%0A");
}

TEST_CASE("counts of a damaged file are shown, however great") {
  for (const char* count : {"1000000000000", "18446744073709551615"}) {
    const std::string hour = std::string(R"("udp":{"new":)") + count + R"(},"first":)" + count +
                             R"(,"passed":[)" + count + "," + count + R"(],"early":[0,)" + count +
                             R"(],"passed_early":[0,1],"passed_early_waited":[0,)" + count + "]";
    CHECK(has(report_html(made(hour)), "<svg"));
    CHECK(has(report_text(made(hour), {}), "Decisions"));
  }
}

TEST_CASE("the page asks nothing of anybody, and lets no other script or style be") {
  const std::string html = report_html(made(kHour4));
  CHECK(has(html, "default-src 'none'"));
  CHECK(has(html, "script-src " + source_hash(page_script())));
  CHECK(has(html, "style-src " + source_hash(page_style())));
  for (const char* wanted : {"http:", "https:", "//", "@import", "url(", " style=", "onclick"}) {
    CAPTURE(wanted);
    CHECK_FALSE(has(html, wanted));
  }
  // openssl dgst -sha256 -binary | base64
  CHECK(source_hash("alert(1)") == "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='");
  CHECK_FALSE(has(html, "http-equiv=\"refresh\""));
  CHECK(has(report_html(made(kHour4), 60), "http-equiv=\"refresh\" content=\"60\""));
}

TEST_CASE("as JSON it is one object with the same figures") {
  const std::string line = report_json(made(kHour4));
  CHECK(line.find('\n') == line.size() - 1);
  const auto json = nlohmann::json::parse(line);
  CHECK(json["decided"]["udp"]["new"] == 4);
  CHECK(json["attempts"]["first"] == 4);
  CHECK(json["attempts"]["open"] == 1);
  CHECK(json["delay"]["median"] == 350);
  CHECK(json["hours"][22]["passed"] == 3);
  CHECK(json["networks"]["first"][0]["name"] == "192.0.2.0/24");
  CHECK(json["longest"][0]["sender"] == "<script>alert(1)</script>@x");
  CHECK(json["min_resends"].size() == 9);
}
