// What serves a daemon's report and figures, as a service beside the daemon's: what --serve asks
// for, what is installed, and what a check makes of it.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <variant>

#include "svctool/cli/options.h"
#include "svctool/daemon/judge_page.h"
#include "svctool/plan/edits.h"
#include "svctool/plan/service_dir.h"
#include "svctool/plan/suite.h"

using namespace grey::svctool;
using grey::parse_endpoint;
using grey::Wildcards;

namespace {

ServiceRequest request_of(std::vector<std::string> options) {
  options.insert(options.begin(), "--greylist=1999");
  const auto line = parse_command_line(options);
  REQUIRE(line);
  return std::get<ServiceRequest>(line->request);
}

std::string error_of(std::vector<std::string> options) {
  options.insert(options.begin(), "--greylist=1999");
  const auto line = parse_command_line(options);
  if (line) return "none";
  CHECK(line.error().exit_code == grey::kExitMisuse);
  return line.error().text;
}

std::string content(const Plan& plan, const std::string& path) {
  for (const Entry& entry : plan.entries) {
    if (entry.path == path) return entry.content;
  }
  return "(missing)";
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

PageObservation up(int code, const std::string& said) {
  PageObservation seen;
  seen.endpoint = *parse_endpoint("127.0.0.1@9119", Wildcards::allowed);
  seen.state = ServiceState{true, true, 77, false};
  seen.listens = true;
  seen.probe = {code, said};
  return seen;
}

Finding worst(const PageObservation& seen) {
  Findings findings;
  judge_page(seen, {"/service/greylist.1999.serve", "/var/log/x/current", "svc -u /x", "no port"},
             "/service/greylist.1999", findings);
  REQUIRE_FALSE(findings.list.empty());
  return *std::ranges::max_element(findings.list, {}, &Finding::severity);
}

}  // namespace

TEST_CASE("a page is a service beside the daemon's, which knows it and where to serve") {
  const ServiceRequest daemon = request_of({"--serve=127.0.0.1@9119", "--prefix=/usr"});
  CHECK(content(plan_service(daemon), "/service/greylist.1999/variables/SERVE") == "(missing)");

  const Plan plan = plan_service(page_of(daemon));
  const std::string service = "/service/greylist.1999.serve";
  CHECK(plan.service == service);
  CHECK(content(plan, service + "/variables/SERVE") == "127.0.0.1@9119\n");
  CHECK(content(plan, service + "/variables/SERVICE") == "/service/greylist.1999\n");
  CHECK(content(plan, service + "/variables/SERVICE_USER") == "indimail\n");
  CHECK(content(plan, service + "/log/variables/LOGDIR") == "/var/log/svc/greylist.1999.serve\n");
  CHECK(has(content(plan, service + "/run"),
            "exec /usr/bin/greyctl --service \"$SERVICE\" serve \\\n"
            "  ${SERVICE_USER:+--user \"$SERVICE_USER\"} \\\n  \"$SERVE\"\n"));
  // Nothing of the daemon's.
  CHECK(content(plan, "/etc/indimail/control") == "(missing)");
  CHECK(content(plan, service + "/variables/LISTEN") == "(missing)");
}

TEST_CASE("its own options make it again, in the order in which a command line has them") {
  const ServiceRequest page =
      page_of(request_of({"--down", "--serve-user=a", "--control-group=g", "--serve=@9119"}));
  const auto again = parse_command_line(page.options);
  REQUIRE(again);
  CHECK(std::get<ServiceRequest>(again->request).options == page.options);
  CHECK(is_page(std::get<ServiceRequest>(again->request)));
  CHECK(service_name(std::get<ServiceRequest>(again->request)) == "greylist.1999.serve");
}

TEST_CASE("it runs as the least of those who may ask the daemon") {
  const struct {
    std::vector<std::string> options;
    std::string user;
  } rows[] = {
      {{}, "indimail"},
      {{"--user=u"}, "u"},
      // In the group is nobody yet of whom svctool knows.
      {{"--control-group=g"}, "indimail"},
      {{"--control-group=g", "--serve-user=a"}, "a"},
      {{"--supervise=systemd"}, "indimail"},
      {{"--supervise=systemd", "--control-group=g"}, ""},
      {{"--supervise=systemd", "--control-group=g", "--serve-user=a"}, "a"},
  };
  for (const auto& row : rows) {
    auto options = row.options;
    options.emplace_back("--serve=@9119");
    CHECK(page_user(page_of(request_of(options))) == row.user);
  }
}

TEST_CASE("systemd's unit has the daemon's sandbox, writes nowhere, and follows the daemon's") {
  const auto unit = [](std::vector<std::string> options) {
    options.insert(options.end(), {"--supervise=systemd"});
    return content(plan_service(page_of(request_of(options))),
                   "/etc/systemd/system/greylist.1999.serve.service");
  };
  const std::string plain = unit({"--serve=127.0.0.1@9119"});
  CHECK(has(plain, "\nAfter=network.target greylist.1999.service\n"));
  CHECK(has(plain, "\nUser=indimail\n"));
  CHECK(has(plain, "\nProtectSystem=strict\n"));
  CHECK_FALSE(has(plain, "ReadWritePaths="));
  CHECK(has(plain, "\nCapabilityBoundingSet=\n"));
  CHECK_FALSE(has(plain, "ExecReload"));
  CHECK_FALSE(has(plain, "Type=notify"));

  const std::string grouped = unit({"--serve=127.0.0.1@9119", "--control-group=g"});
  CHECK(has(grouped, "\nDynamicUser=yes\nSupplementaryGroups=g\n"));
  CHECK_FALSE(has(grouped, "\nUser="));

  CHECK(has(unit({"--serve=127.0.0.1@80"}), "\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n"));
}

TEST_CASE("what is no address and port, or cannot work, is misuse") {
  for (const char* bad : {"127.0.0.1", "@", "127.0.0.1@0", "127.0.0.1@65536", "here@80", "[::1]"}) {
    CHECK(error_of({std::string("--serve=") + bad}) ==
          std::string("--serve: '") + bad + "' is not an address and port, as 127.0.0.1@9119");
  }
  for (const char* good : {"127.0.0.1@80", "@80", "[::1]@80", "*@9119", "0@9119", "::1@80"}) {
    CHECK(error_of({std::string("--serve=") + good}) == "none");
  }
  CHECK(error_of({"--serve-user=a"}) == "--serve-user needs --serve=ADDR@PORT");
  CHECK(error_of({"--serve-only"}) == "--serve-only needs --serve=ADDR@PORT");
  CHECK(error_of({"--serve=127.0.0.1@9119", "--serve-only", "--import=/x"}) ==
        "--import is for the daemon's state, which --serve-only leaves alone");
  CHECK(has(error_of({"--serve=@80", "--serve-user=a"}), "only indimail may ask the daemon"));
  CHECK(has(error_of({"--serve=@80", "--control=none"}), "nobody can ask the daemon"));
  CHECK(has(error_of({"--serve=@80", "--user=root"}), "nothing is served as root; --user has"));
  CHECK(has(error_of({"--serve=@80", "--serve-user=root"}), "nothing is served as root; --serve-"));
  CHECK(has(error_of({"--servicetag=a.serve"}), "ends as the name of a page does"));
}

TEST_CASE("--serve-only is no word for the page beside a --service") {
  for (const char* verb :
       {"--remove", "--restart", "--reload", "--start", "--stop", "--set=SERVE=@80"}) {
    CAPTURE(verb);
    const auto line = parse_command_line({verb, "--serve-only", "--service=/service/greylist.1"});
    REQUIRE_FALSE(line);
    CHECK(line.error().exit_code == grey::kExitMisuse);
    CHECK(line.error().text ==
          "--serve-only goes with --greylist=PORT; the page's own --service is DIR.serve");
    CHECK(parse_command_line({verb, "--serve-only", "--greylist=1999"}));
    CHECK(parse_command_line({verb, "--service=/service/greylist.1.serve"}));
  }
  for (const char* verb : {"--check", "--no-greyip"}) {
    CHECK_FALSE(parse_command_line({verb, "--serve-only", "--service=/service/greylist.1"}));
  }
}

TEST_CASE("what a hand has set stays until the option names another") {
  const ServiceRequest before = page_of(request_of({"--serve=@9119"}));
  ServiceRequest after = page_of(request_of({"--serve=@9120"}));
  const Values present = {
      {"SERVE", "@9121"}, {"SERVICE", "/service/greylist.1999"}, {"SERVICE_USER", "indimail"}};
  const Values edits = find_edits(present, &before, after, {});
  REQUIRE(edits.contains("SERVE"));
  CHECK(edits.at("SERVE") == "@9121");
  CHECK_FALSE(edits.contains("SERVICE_USER"));
  CHECK_FALSE(find_edits(present, &before, after, after.options).contains("SERVE"));
}

TEST_CASE("what /healthz answers is its code and first line") {
  const auto good = parse_page_answer("HTTP/1.1 200 OK\r\nA: b\r\n\r\nok\nmore\n");
  CHECK(good.code == 200);
  CHECK(good.outcome == "ok");
  const auto bad = parse_page_answer("HTTP/1.1 503 Service Unavailable\r\n\r\nit is \x1b[1mgone\n");
  CHECK(bad.code == 503);
  CHECK(bad.outcome == "it is [1mgone");
  CHECK(parse_page_answer("HTTP/1.0 404 x\r\n\r\n").outcome == "HTTP 404");
  for (const char* other :
       {"", "220 mx ESMTP\r\n", "HTTP/1.1", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 2"}) {
    CAPTURE(other);
    const auto probe = parse_page_answer(other);
    CHECK((probe.code == 0 || probe.code == 2));
  }
}

TEST_CASE("a check says of a page what is wrong, and of what") {
  CHECK(worst(up(200, "ok")).severity == Severity::note);
  CHECK(worst(up(200, "ok")).id == "page-answers");

  const Finding unwell = worst(up(503, "the daemon does not answer"));
  CHECK(unwell.id == "page-unwell");
  CHECK(has(unwell.text, "'the daemon does not answer'"));
  CHECK(has(unwell.todo, "svctool --check --service=/service/greylist.1999;"));

  auto seen = up(0, "no answer within 10 seconds");
  CHECK(worst(seen).id == "page-silent");
  seen.state = ServiceState{false, false, 0, false};
  CHECK(worst(seen).id == "down");
  seen.state = ServiceState{false, true, 0, false};
  CHECK(has(worst(seen).text, "again and again, saying 'no port'"));
  seen.state = ServiceState{true, true, 77, true};
  CHECK(worst(seen).id == "paused");
  seen.state = ServiceState{true, true, 77, false};
  seen.listens = false;
  CHECK(worst(seen).id == "not-listening");
  seen.other = "process 3 (httpd)";
  CHECK(has(worst(seen).text, "TCP port 127.0.0.1@9119 is taken by process 3 (httpd)"));
}
