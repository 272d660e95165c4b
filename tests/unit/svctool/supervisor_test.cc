#include <doctest/doctest.h>

#include "svctool/plan/run_script.h"
#include "svctool/plan/suite.h"
#include "svctool/plan/unit_file.h"

using namespace grey::svctool;

namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

Unit sample_unit() {
  Unit unit;
  unit.description = "Greylisting daemon";
  unit.user = "_greylist";
  unit.script = "/etc/greylist/greylist.1999/run";
  unit.environment_file = "/etc/greylist/greylist.1999/environment";
  unit.writable = {"/var/lib/greylist"};
  unit.readable = {"/etc/greylist", "/usr/sbin/qmail-greyd"};
  return unit;
}

}  // namespace

TEST_CASE("a suite is found by its name, and daemontools is the first") {
  CHECK(&daemontools() == find_suite("daemontools"));
  CHECK(find_suite("upstart") == nullptr);
  for (const Suite& suite : suites()) CHECK(find_suite(suite.name) == &suite);
}

TEST_CASE("a command names the service as its suite does") {
  const std::string service = "/my services/greylist.1999";
  CHECK(restart_command(*find_suite("runit"), service) == "sv term '/my services/greylist.1999'");
  CHECK(restart_command(*find_suite("systemd"), service) ==
        "systemctl restart greylist.1999.service");
  CHECK(start_command(*find_suite("s6"), service) == "s6-svc -u '/my services/greylist.1999'");
  CHECK(unit_path(service) == "/etc/systemd/system/greylist.1999.service");
}

TEST_CASE("scripts use the programs of their suite and of no other") {
  for (const Suite& suite : suites()) {
    if (keeps_log(suite)) continue;
    CAPTURE(suite.name);
    const std::string run = run_script("/usr", false, suite);
    const std::string log = log_run_script("/usr", suite);
    CHECK(contains(run, std::string(" ") + std::string(suite.envdir) + " variables ./run"));
    CHECK(contains(run, "${SOFT_MEM:+" + std::string(suite.memory_limit) + " \"$SOFT_MEM\"}"));
    CHECK(contains(log, "${LOGUSER:+" + std::string(suite.as_user) + " \"$LOGUSER\"}"));
    CHECK(contains(log, suite.logger));
    for (const Suite& other : suites()) {
      if (&other == &suite || keeps_log(other)) continue;
      CHECK_FALSE(contains(log, " " + std::string(other.logger)));
      CHECK_FALSE(contains(run, " " + std::string(other.envdir) + " "));
    }
  }
}

TEST_CASE("the daemon is asked for a start by the command of its script and --check") {
  for (const Suite& suite : suites()) {
    CAPTURE(suite.name);
    for (const bool greydaemon : {false, true}) {
      const std::string run = run_script("/usr", greydaemon, suite);
      std::string asked = check_script("/usr", greydaemon, suite, "my user");
      const std::string added = sets_user(suite) ? "  --check -u 'my user' \\\n" : "  --check \\\n";
      const std::size_t at = asked.find(added);
      REQUIRE(at != std::string::npos);
      // Nobody waits for one that is only asked.
      const std::string fd(suite.notification_fd);
      asked.replace(at, added.size(), fd.empty() ? "" : "  --notification-fd " + fd + " \\\n");
      CHECK(run.ends_with(asked));
    }
  }
}

TEST_CASE("under systemd the script reads no directory and changes no user") {
  const std::string run = run_script("/usr", false, *find_suite("systemd"));
  CHECK_FALSE(contains(run, "envdir"));
  CHECK_FALSE(contains(run, "SERVICE_USER"));
  CHECK_FALSE(contains(run, "SOFT_MEM"));
  CHECK(contains(run, "exec /usr/sbin/qmail-greyd"));
  CHECK(contains(run, "${MIN_RESEND_MIN:+-m \"$MIN_RESEND_MIN\"}"));
}

TEST_CASE("a unit names what it starts, as whom, and where it may write") {
  const std::string unit = unit_file(sample_unit());
  for (const char* line :
       {"\nUser=_greylist\n", "\nEnvironmentFile=/etc/greylist/greylist.1999/environment\n",
        "\nExecStart=/bin/sh \"/etc/greylist/greylist.1999/run\"\n",
        "\nExecReload=/bin/kill -HUP $MAINPID\n", "\nReadWritePaths=\"/var/lib/greylist\"\n",
        "\nProtectSystem=strict\n", "\nProtectHome=yes\n", "\nPrivateTmp=yes\n",
        "\nCapabilityBoundingSet=\n", "\nWantedBy=multi-user.target\n"}) {
    CAPTURE(line);
    CHECK(contains(unit, line));
  }
  CHECK_FALSE(contains(unit, "LimitAS"));
  CHECK_FALSE(contains(unit, "AmbientCapabilities"));
}

TEST_CASE(
    "systemd waits until the daemon is ready, and kills one that no longer says it is there") {
  const std::string unit = unit_file(sample_unit());
  CHECK(contains(unit, "\nType=notify\nNotifyAccess=main\nWatchdogSec=60\n"));
  CHECK(contains(unit, "\nRestart=always\n"));  // also one that the watchdog has killed
  // The second gives the daemon the time to say that it has begun.
  CHECK(contains(unit, "\nExecReload=/bin/kill -HUP $MAINPID\nExecReload=/bin/sleep "));
}

TEST_CASE("a unit's limits follow the request") {
  Unit unit = sample_unit();
  CHECK_FALSE(contains(unit_file(unit), "\nLimitAS="));
  CHECK_FALSE(contains(unit_file(unit), "\nMemoryMax="));
  unit.memory = "300000000";
  CHECK(contains(unit_file(unit), "\nLimitAS=300000000\nMemoryMax=300000000\n"));
}

TEST_CASE("a port below 1024 needs one capability, and nothing else") {
  Unit unit = sample_unit();
  unit.low_port = true;
  const std::string text = unit_file(unit);
  CHECK(contains(text, "\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n"));
  CHECK(contains(text, "\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n"));
  CHECK_FALSE(contains(text, "PrivateUsers"));
}

TEST_CASE("a unit whose socket a group may use has that group, and sees who asks") {
  Unit unit = sample_unit();
  CHECK(contains(unit_file(unit), "\nPrivateUsers=yes\n"));
  CHECK_FALSE(contains(unit_file(unit), "\nGroup="));
  unit.group = "greylist";
  CHECK(contains(unit_file(unit), "\nUser=_greylist\nGroup=greylist\n"));
  CHECK_FALSE(contains(unit_file(unit), "PrivateUsers"));
}

TEST_CASE("a unit does not hide a directory that the service lies in") {
  Unit unit = sample_unit();
  unit.writable = {"/home/grey/state"};
  CHECK(contains(unit_file(unit), "\nProtectHome=read-only\n"));
  unit.writable = {"/homes/grey"};
  CHECK(contains(unit_file(unit), "\nProtectHome=yes\n"));
  unit.readable = {"/tmp/grey/white"};
  CHECK_FALSE(contains(unit_file(unit), "PrivateTmp"));
}

TEST_CASE("in a unit a path stays one word, whatever it contains") {
  Unit unit = sample_unit();
  unit.script = "/a b/%n/$x/\"q\"/\\/run";
  unit.writable = {"/a b/%n/$x/\"q\"/\\"};
  const std::string text = unit_file(unit);
  CHECK(contains(text, "\nExecStart=/bin/sh \"/a b/%%n/$$x/\\\"q\\\"/\\\\/run\"\n"));
  CHECK(contains(text, "\nReadWritePaths=\"/a b/%%n/$x/\\\"q\\\"/\\\\\"\n"));
}

TEST_CASE("a value in a file of settings stays as it is, whatever it contains") {
  CHECK(environment_file({{"A", "2"}, {"B", ""}, {"C", "/a/b-c.d,::1"}}) ==
        "A=2\nB=\nC=/a/b-c.d,::1\n");
  CHECK(environment_file({{"A", "a b"}, {"B", "it's $HOME"}, {"C", "\"`\\"}}) ==
        "A=\"a b\"\nB=\"it's \\$HOME\"\nC=\"\\\"\\`\\\\\"\n");
}

TEST_CASE("a file of settings is read as systemd reads it, also after an editor") {
  const Variables variables = {{"A", "a b"}, {"B", "it's $HOME"}, {"C", "\"`\\"}, {"D", ""}};
  CHECK(parse_environment(environment_file(variables)) == variables);
  CHECK(parse_environment("# A=1\n;B=2\n\n  C = 3  \nno line\nD='4 $x\\'\nE=a\"b c\"d\nF=5") ==
        Variables{{"C", "3"}, {"D", "4 $x\\"}, {"E", "ab cd"}, {"F", "5"}});
}
