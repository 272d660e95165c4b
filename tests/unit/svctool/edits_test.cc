#include "svctool/plan/edits.h"

#include <doctest/doctest.h>

#include "svctool/plan/run_script.h"

using namespace grey::svctool;

namespace {

ServiceRequest request_of(const std::vector<std::string>& options, const Values& values) {
  ServiceRequest request;
  request.port = 1999;
  request.prefix = "/usr";
  request.options = options;
  request.values = values;
  return request;
}

// As it is right after an installation.
Values installed_values(const ServiceRequest& request) {
  Values values;
  for (const Variable& variable : variables_of(request)) values[variable.name] = variable.value;
  return values;
}

}  // namespace

TEST_CASE("what a hand has set stays, unless an option of this call names it") {
  const auto installed = request_of({"--greylist=1999", "--verbosity=2"}, {{"verbosity", "2"}});
  Values present = installed_values(installed);
  CHECK(find_edits(present, &installed, installed, installed.options).empty());

  present["MIN_RESEND_MIN"] = "7";
  present["CONTEXT_FILE"] = "/data/state";
  present["LOGCOUNT"] = "99";
  present["WHITELIST"] = "";
  present.erase("TIMEOUT_DAYS");
  const Values edits = {{"CONTEXT_FILE", "/data/state"},
                        {"LOGCOUNT", "99"},
                        {"MIN_RESEND_MIN", "7"},
                        {"TIMEOUT_DAYS", ""},
                        {"WHITELIST", ""}};
  const auto again = request_of({"--greylist=1999"}, {});
  CHECK(find_edits(present, &installed, again, again.options) == edits);
  // VERBOSITY was no hand's, so that it goes back to what this call says.
  CHECK(value_in_force(again, "VERBOSITY").empty());

  auto named = request_of({"--greylist=1999", "--min-resend-min=3", "--no-whitelist",
                           "--context-file=x", "--log-count=5", "--timeout-days=1"},
                          {});
  CHECK(find_edits(present, &installed, named, named.options).empty());
  // Part of a name is another one.
  named = request_of({"--greylist=1999", "--min=3", "--white=x"}, {});
  CHECK(find_edits(present, &installed, named, named.options) == edits);
}

TEST_CASE("where it is not known what was installed, what is there stays") {
  const auto planned = request_of({"--greylist=1999"}, {});
  Values present = installed_values(planned);
  present["TIMEOUT_DAYS"] = "40";
  present.erase("POLICY");
  CHECK(find_edits(present, nullptr, planned, planned.options) == Values{{"TIMEOUT_DAYS", "40"}});
}

TEST_CASE("an empty value that the service does not start with is mended") {
  const auto planned = request_of({"--greylist=1999"}, {});
  Values present = installed_values(planned);
  present["LISTEN"] = "";
  present.erase("CONTEXT_FILE");
  CHECK(find_edits(present, &planned, planned, {}).empty());
}

TEST_CASE("the port is named in every call, the address only by its option") {
  const auto installed = request_of({"--greylist=1999", "--servicetag=x"}, {});
  auto planned = installed;
  Values present = installed_values(installed);
  present["LISTEN"] = "*@1999";
  CHECK(find_edits(present, &installed, planned, planned.options) == Values{{"LISTEN", "*@1999"}});
  planned.port = 2000;
  CHECK(find_edits(present, &installed, planned, planned.options).empty());
}

TEST_CASE("directories, users and the unit follow what is in force") {
  auto request = request_of({"--greylist=1999"}, {});
  request.by_hand = {{"CONTROLDIR", "/data"},
                     {"SERVICE_USER", "joe"},
                     {"LOGDIR", "/logs/x"},
                     {"LOGUSER", "logjoe"},
                     {"CONTEXT_FILE", "s/ate"}};
  const auto has = [](const Plan& plan, const std::string& path, const std::string& owner) {
    for (const Entry& entry : plan.entries) {
      if (entry.path == path) return entry.owner == owner;
    }
    return false;
  };
  const Plan plan = plan_service(request);
  CHECK(has(plan, "/data", "joe"));
  CHECK(has(plan, "/data/s", "joe"));
  CHECK(has(plan, "/logs/x", "logjoe"));
  CHECK_FALSE(has(plan, "/etc/indimail/control", "indimail"));

  request.suite = find_suite("systemd");
  request.by_hand = {{"CONTEXT_FILE", "/var/lib/x/state"},
                     {"POLICY", "@10023,/run/a/s,/run/b/s"},
                     {"LISTEN", "127.0.0.1@53"}};
  CHECK(writable_directories(request) ==
        std::vector<std::string>{"/var/lib/x", "/run/a", "/run/b"});
  for (const Entry& entry : plan_service(request).entries) {
    if (!entry.path.said().ends_with(".service")) continue;
    for (const char* line : {"ReadWritePaths=\"/var/lib/x\"\n", "ReadWritePaths=\"/run/b\"\n",
                             "SyslogIdentifier=qmail-greyd\n", "CAP_NET_BIND_SERVICE"}) {
      CAPTURE(line);
      CHECK(entry.content.find(line) != std::string::npos);
    }
  }
}

TEST_CASE("a file of settings keeps every line but those that change") {
  const char* present =
      "# mine\n"
      "LISTEN=127.0.0.1@1999\n"
      "TZ=Europe/Zurich\n"
      "MIN_RESEND_MIN=5\n"
      "; a note\n"
      " MIN_RESEND_MIN = '7' \n"
      "POLICY_TEXT=\"wait, please\"";
  CHECK(merge_environment(present, {{"LISTEN", "127.0.0.1@1999"},
                                    {"MIN_RESEND_MIN", "7"},
                                    {"POLICY_TEXT", "wait, please"},
                                    {"ALLOW", ""}}) == present);
  CHECK(merge_environment(present, {{"MIN_RESEND_MIN", "3"}, {"VERBOSITY", "2"}}) ==
        "# mine\n"
        "LISTEN=127.0.0.1@1999\n"
        "TZ=Europe/Zurich\n"
        "MIN_RESEND_MIN=5\n"
        "; a note\n"
        "MIN_RESEND_MIN=3\n"
        "POLICY_TEXT=\"wait, please\"\n"
        "VERBOSITY=2\n");
  CHECK(merge_environment("", {{"A", "b c"}, {"D", ""}}) == "A=\"b c\"\n");
}

TEST_CASE("a script tells whether somebody has edited it") {
  const std::string script = signed_script(run_script("/usr", false, daemontools()));
  CHECK(author_of(script) == Author::svctool);
  CHECK(author_of("# mine\n" + script) == Author::edited);
  CHECK(author_of(script + "# mine\n") == Author::edited);
  CHECK(author_of("#!/bin/sh\nexec my-own\n") == Author::unknown);
  CHECK(author_of("") == Author::unknown);
  // An older svctool's has no digest.
  const std::string older = run_script("/usr", false, daemontools());
  CHECK(author_of(older) == Author::unknown);
  CHECK(same_script(older, script));
  CHECK_FALSE(same_script("# mine\n" + older, script));
}

TEST_CASE("a value is what envdir reads") {
  CHECK(envdir_value("5\n# was 7\n") == "5");
  CHECK(envdir_value("a b \t\n") == "a b");
  CHECK(envdir_value("") == "");
  CHECK(envdir_value("x") == "x");
}
