#include <doctest/doctest.h>

#include <algorithm>

#include "svctool/cli/options.h"
#include "svctool/daemon/unit_access.h"
#include "svctool/verbs/set_variables.h"

using namespace grey::svctool;

namespace {

ServiceRequest service_of(const char* suite) {
  ServiceRequest service;
  service.port = 1999;
  service.prefix = "/usr";
  service.suite = find_suite(suite);
  return service;
}

std::string error_of(const ServiceRequest& service, const Values& values) {
  const auto checked = check_variables(service, values);
  if (checked) return "";
  CHECK(checked.error().exit_code == 100);
  return checked.error().text;
}

SetVariables parsed(const std::vector<std::string>& arguments) {
  const auto line = parse_command_line(arguments);
  REQUIRE(line);
  return std::get<SetVariables>(line->request);
}

}  // namespace

TEST_CASE("variables are set and unset by name, several in one call") {
  const auto request = parsed({"--set", "MIN_RESEND_MIN=3", "--set=POLICY_TEXT=a=b c", "--unset",
                               "POLICY", "--set=MIN_RESEND_MIN=4", "--service=/s/x/", "--restart"});
  CHECK(request.service == "/s/x");
  CHECK(request.restart);
  CHECK(request.values ==
        Values{{"MIN_RESEND_MIN", "4"}, {"POLICY", ""}, {"POLICY_TEXT", "a=b c"}});
  CHECK(parsed({"--unset=POLICY", "--greylist=1999", "--servicedir=/s"}).service ==
        "/s/greylist.1999");
  const std::vector<std::string> bad[] = {
      {"--set=MIN_RESEND_MIN", "--service=/x"},
      {"--set==3", "--service=/x"},
      {"--set=POLICY=", "--service=/x"},
      {"--set=POLICY=@1", "--unset=POLICY", "--service=/x"},
      {"--set=POLICY=@1"},
      {"--set=POLICY=@1", "--service=/x", "--user=y"},
      {"--set=POLICY=@1", "--service=/x", "--stop"},
      {"--set=POLICY=@1", "--service=/x", "--destdir=/d", "--restart"},
      {"--start", "--stop", "--service=/x"},
      {"--reload", "--dry-run", "--service=/x"},
  };
  for (const auto& arguments : bad) {
    CAPTURE(arguments.front());
    const auto line = parse_command_line(arguments);
    REQUIRE_FALSE(line);
    CHECK(line.error().exit_code == 100);
  }
}

TEST_CASE("a name that is none is answered with those that are") {
  const std::string text = error_of(service_of("daemontools"), {{"TIMEOUT", "3"}});
  CHECK(text.starts_with("there is no variable TIMEOUT; there are: CONTROLDIR LISTEN "));
  for (const char* name : {" MIN_RESEND_MIN ", " SOFT_MEM ", " LOGCOUNT", " DRY_RUN "}) {
    CHECK(text.find(name) != std::string::npos);
  }
  // Under systemd these are the unit's and the journal's.
  CHECK(error_of(service_of("systemd"), {{"SERVICE_USER", "x"}}).starts_with("there is no"));
  CHECK(error_of(service_of("systemd"), {{"LOGSIZE", "5000"}}).starts_with("there is no"));
}

TEST_CASE("a value is what the daemon takes, and the message names the variable") {
  const auto service = service_of("daemontools");
  const struct {
    const char *name, *good, *bad;
  } rows[] = {
      {"MIN_RESEND_MIN", "0", "-1"},
      {"RESEND_WIN_HR", "1000000", "0"},
      {"SENDER_KEY", "domain", "Domain"},
      {"ALLOW", "10.0.0.0/8,::1", "10.0.0.0/33"},
      {"POLICY", "@1,/run/x", "run/x"},
      {"POLICY_TEXT", "wait %t", "wait\n"},
      {"LISTEN", "*@1999", "localhost@1"},
      {"CONTROLDIR", "/etc/x", "etc/x"},
      {"CONTEXT_FILE", "x", "x/"},
      {"SOFT_MEM", "100000000", "1"},
      {"DRY_RUN", "yes", "perhaps"},
      {"SERVICE_USER", "joe", "-joe"},
      {"LOGDIR", "/log", "log"},
      {"LOGSIZE", "16777215", "16777216"},
      {"LOGCOUNT", "2", "1"},
      {"WHITELIST", "w", "-w"},
      {"SYNC", "always", "sometimes"},
      {"CONTEXT_FILE", "/x/y", "-x"},
      {"LOGUSER", "joe", "joe "},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    CHECK(error_of(service, {{row.name, row.good}}).empty());
    CHECK(error_of(service, {{row.name, row.bad}}).starts_with(std::string(row.name) + ": "));
  }
}

TEST_CASE("what the service needs is not unset; all else is left to the daemon") {
  const auto service = service_of("daemontools");
  for (const Variable& variable : variables_of(service)) {
    CAPTURE(variable.name);
    const bool required = variable.role == Entry::Role::required;
    CHECK(error_of(service, {{variable.name, ""}}).empty() == !required);
  }
}

TEST_CASE("values are checked together, with those that are in force") {
  auto service = service_of("daemontools");
  CHECK_FALSE(error_of(service, {{"MIN_RESEND_MIN", "1440"}}).empty());
  CHECK(error_of(service, {{"MIN_RESEND_MIN", "1440"}, {"RESEND_WIN_HR", "25"}}).empty());
  service.by_hand["RESEND_WIN_HR"] = "1";
  CHECK_FALSE(error_of(service, {{"MIN_RESEND_MIN", "60"}}).empty());
  // Unset it is the daemon's own default.
  CHECK(error_of(service, {{"MIN_RESEND_MIN", "60"}, {"RESEND_WIN_HR", ""}}).empty());
}

TEST_CASE("greydaemon has every setting, but no choice where its rules leave none") {
  auto service = service_of("daemontools");
  service.use_greydaemon = true;
  CHECK(error_of(service, {{"ALLOW", "::1"}, {"DRY_RUN", "1"}, {"POLICY", "@1"}}).empty());
  CHECK(error_of(service, {{"RECIPIENTS", "all"}, {"CLIENT_PASSES", "1"}}).empty());
  CHECK(error_of(service, {{"RECIPIENTS", "any"}}) ==
        "RECIPIENTS: under greydaemon's rules it is always all; qmail-greyd has the choice");
}

TEST_CASE("where a unit lets its daemon write is what systemctl shows") {
  const auto access = parse_unit_access(
      "ProtectSystem=strict\n"
      "ReadWritePaths=/var/lib/x -/run/maybe \"/srv/a b\\\"c\" +/root/own/\n");
  CHECK(access.strict);
  CHECK(access.writable ==
        std::vector<std::string>{"/var/lib/x", "/run/maybe", "/srv/a b\"c", "/root/own/"});
  CHECK(first_read_only(access, {"/var/lib/x", "/var/lib/x/y", "/srv/a b\"c", "/root/own/z"})
            .empty());
  CHECK(first_read_only(access, {"/var/lib/x", "/var/lib/xy"}) == "/var/lib/xy");
  CHECK(first_read_only(access, {"/var/lib"}) == "/var/lib");
  // Who has put ProtectSystem=no over it may write anywhere.
  CHECK(parse_unit_access("Group=greylist\nProtectSystem=no\n").group == "greylist");
  CHECK(parse_unit_access("Group=\n").group.empty());
  CHECK(first_read_only(parse_unit_access("ProtectSystem=no\nReadWritePaths=\n"), {"/x"}).empty());
}
