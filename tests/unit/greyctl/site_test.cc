// What `greyctl serve` answers, as greyctl(8), SERVE, says it.
#include "greyd/greyctl/site.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/late_background.h"

using namespace grey;
using namespace grey::greyctl;

namespace {

// A site whose daemon answers as the test says, in other threads or at once.
struct Served {
  explicit Served(Background& background)
      : site(
            {.figures = [this]() -> Result<Figures> {
               ++asked;
               if (gone) return failure("it has\n<gone>");
               return figures;
             },
             .page = [this]() -> Result<Page> {
               ++made;
               if (gone || no_report) return failure("no <report>");
               return Page{"<p>report", script};
             },
             .figures_thread = background,
             .page_thread = background},
            {"grey.example", "Mail"}, [this] { return now; }, [this] { ++changed; }) {
    figures.status = {{"problems", nlohmann::json::array()}};
    figures.stats = {{"counters", {{"udp.decided.new", 7u}}}};
  }

  std::optional<http::Answer> ask(const std::string& path, const std::string& method = "GET") {
    return site.answer({method, path, "", false, host}, now);
  }
  static std::string header(const http::Answer& answer, const std::string& wanted) {
    for (const auto& [name, value] : answer.headers) {
      if (name == wanted) return value;
    }
    return "none";
  }

  Figures figures;
  std::string script, host = "127.0.0.1:9119";
  bool gone = false, no_report = false;
  int asked = 0, made = 0, changed = 0;
  std::chrono::milliseconds now{5000};
  Site site;
};

}  // namespace

TEST_CASE("the report, the figures and whether all is well") {
  InlineBackground at_once;
  Served served(at_once);
  CHECK(served.ask("/")->body == "<p>report");
  CHECK(served.ask("/")->type == "text/html; charset=utf-8");
  CHECK(served.ask("/metrics")->type == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(served.ask("/metrics")
            ->body.find("\ngreyd_decisions_total{reason=\"new\",front=\"udp\"} 7\n") !=
        std::string::npos);
  CHECK(served.site
            .answer({"GET", "/metrics", "application/openmetrics-text", false, ""}, served.now)
            ->body.ends_with("\n# EOF\n"));
  CHECK(Served::header(*served.ask("/metrics"), "Vary") == "Accept");
  CHECK(served.ask("/healthz")->status == 200);
  CHECK(served.ask("/healthz")->body == "ok\n");
}

TEST_CASE("nothing else is there, and nothing is changed") {
  InlineBackground at_once;
  Served served(at_once);
  for (const char* const path : {"/metrics/", "//", "/index.html", "/../etc/passwd", ""}) {
    CHECK(served.ask(path)->status == 404);
  }
  for (const char* const method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE"}) {
    CHECK(served.ask("/metrics", method)->status == 405);
    CHECK(Served::header(*served.ask("/metrics", method), "Allow") == "GET, HEAD");
  }
  CHECK(served.site.answer({"GET", "/metrics", "", true, ""}, served.now)->status == 413);
  CHECK(served.asked + served.made == 0);
  CHECK(served.ask("/metrics", "HEAD")->status == 200);
}

TEST_CASE("the page is for who asks by address, localhost or a name that was given") {
  InlineBackground at_once;
  Served served(at_once);
  for (const char* const good :
       {"127.0.0.1", "127.0.0.1:80", "192.0.2.1:", "[::1]", "[::1]:9119", "[2001:DB8::1]",
        "localhost", "LocalHost:9119", "grey.example", "Grey.Example:1", "mail"}) {
    CAPTURE(good);
    served.host = good;
    CHECK(served.ask("/")->status == 200);
    CHECK(served.ask("/", "POST")->status == 405);
  }
  served.asked = served.made = 0;
  served.now += Site::kReportLasts;
  for (const char* const bad : {"",
                                ":",
                                ":80",
                                "evil.example",
                                "evil.example:9119",
                                "127.0.0.1.evil.example",
                                "localhost.evil.example",
                                "localhost:x",
                                "localhost:80:80",
                                "x:localhost",
                                "a@localhost",
                                "localhost@evil.example",
                                "::1",
                                "[::1",
                                "[]",
                                "[evil]",
                                "[127.0.0.1]",
                                "[::1]x",
                                "127.0.0.1x",
                                "1270.0.1",
                                "grey.example.",
                                "grey",
                                "127.0.0.1 evil",
                                "localhost, evil"}) {
    CAPTURE(bad);
    served.host = bad;
    for (const char* const method : {"GET", "HEAD", "POST"}) {
      CHECK(served.ask("/", method)->status == 421);
    }
    const std::string text = served.ask("/")->body;
    CHECK(text.find("--host") != std::string::npos);
    CHECK(text.find('\n') == text.size() - 1);
  }
  CHECK(served.asked + served.made == 0);
  // Who scrapes often asks by name, and there are no addresses in these.
  served.host = "any.example";
  CHECK(served.ask("/metrics")->status == 200);
  CHECK(served.ask("/healthz")->status == 200);
}

TEST_CASE("a daemon with a problem is not well, and its figures are there") {
  InlineBackground at_once;
  Served served(at_once);
  served.figures.status["problems"] = {"state: the disk\nis full", "clock"};
  CHECK(served.ask("/healthz")->status == 503);
  CHECK(served.ask("/healthz")->body == "state: the disk is full\n");
  CHECK(served.ask("/metrics")->body.find("\ngreyd_problems 2\n") != std::string::npos);
}

TEST_CASE("that the daemon has gone is said, and that it is back") {
  InlineBackground at_once;
  Served served(at_once);
  served.gone = true;
  CHECK(served.ask("/metrics")->status == 200);
  CHECK(served.ask("/metrics")->body.ends_with("\ngreyd_up 0\n"));
  CHECK(served.ask("/healthz")->status == 503);
  CHECK(served.ask("/healthz")->body == "it has <gone>\n");
  CHECK(served.ask("/")->status == 503);
  CHECK(served.ask("/")->body.find("&lt;gone&gt;") != std::string::npos);
  served.gone = false;
  served.now += Site::kFiguresLast;
  CHECK(served.ask("/metrics")->body.find("\ngreyd_up 1\n") != std::string::npos);
  CHECK(served.ask("/healthz")->status == 200);
  CHECK(served.ask("/")->status == 200);
}

TEST_CASE("the daemon is asked once, however many ask") {
  InlineBackground at_once;
  Served served(at_once);
  for (int i = 0; i < 100; ++i) {
    served.ask("/metrics");
    served.ask("/healthz");
    served.ask("/");
  }
  CHECK(served.asked == 1);
  CHECK(served.made == 1);
  served.now += Site::kFiguresLast - Site::Milliseconds(1);
  served.ask("/metrics");
  CHECK(served.asked == 1);
  served.now += Site::Milliseconds(1);
  served.ask("/metrics");
  CHECK(served.asked == 2);
  served.now += Site::kReportLasts - Site::kFiguresLast - Site::Milliseconds(1);
  served.ask("/");
  CHECK(served.made == 1);
  served.now += Site::Milliseconds(1);
  served.ask("/");
  CHECK(served.made == 2);
}

TEST_CASE("who asks while the daemon is being asked waits for the same answer") {
  testing::LateBackground late;
  Served served(late);
  const auto asked = served.now;
  const auto ask_again = [&] {
    return served.site.answer({"GET", "/", "", false, "localhost"}, asked);
  };
  CHECK_FALSE(served.ask("/"));
  CHECK_FALSE(served.ask("/"));
  late.drain();
  CHECK(served.changed == 1);  // it is there; now for the report
  CHECK_FALSE(ask_again());
  CHECK_FALSE(ask_again());
  late.drain();
  CHECK(served.changed == 2);
  // A report may take longer to make than it lasts; who has waited for it takes it.
  served.now += 2 * Site::kReportLasts;
  CHECK(ask_again()->body == "<p>report");
  CHECK(served.made == 1);
  CHECK(served.asked == 1);
  // Who comes later does not.
  CHECK_FALSE(served.ask("/"));
  late.drain();
  CHECK_FALSE(served.ask("/"));
  CHECK(served.ask("/metrics"));  // while the report is being made
  late.drain();
  CHECK(served.made == 2);
}

TEST_CASE("a report that cannot be made is said, and tried again") {
  InlineBackground at_once;
  Served served(at_once);
  served.no_report = true;
  CHECK(served.ask("/")->status == 503);
  CHECK(served.ask("/")->body.find("no &lt;report&gt;") != std::string::npos);
  CHECK(served.made == 1);
  served.no_report = false;
  served.now += Site::kFiguresLast;
  CHECK(served.ask("/")->status == 200);
}

TEST_CASE("a page of before is not shown when the daemon has gone") {
  InlineBackground at_once;
  Served served(at_once);
  CHECK(served.ask("/")->status == 200);
  served.gone = true;
  served.now += Site::kFiguresLast;
  CHECK(served.ask("/")->status == 503);
  served.gone = false;
  served.now += Site::kFiguresLast;
  CHECK(served.ask("/")->status == 200);
  CHECK(served.made == 1);  // and is when it is back
}

TEST_CASE("a page runs its own script, and nothing that is shown in it") {
  InlineBackground at_once;
  Served served(at_once);
  CHECK(Served::header(*served.ask("/"), "Content-Security-Policy").find("script-src") ==
        std::string::npos);
  served.script = "alert(1)";
  served.now += Site::kReportLasts;
  // printf 'alert(1)' | openssl dgst -sha256 -binary | base64
  CHECK(Served::header(*served.ask("/"), "Content-Security-Policy")
            .ends_with("; script-src 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"));
  for (const char* const path : {"/", "/metrics", "/healthz", "/nothing"}) {
    CHECK(Served::header(*served.ask(path), "Cache-Control") == "no-store");
    CHECK(Served::header(*served.ask(path), "X-Content-Type-Options") == "nosniff");
  }
}
