#include "svctool/plan/service_dir.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "svctool/plan/run_script.h"
#include "svctool/util/shell_quote.h"

using namespace grey::svctool;

namespace {

ServiceRequest sample_request() {
  ServiceRequest request;
  request.port = 1999;
  request.prefix = "/usr";
  request.context_file = "greylist.context";
  request.values = {{"min-resend-min", "2"},
                    {"resend-win-hr", "24"},
                    {"timeout-days", "30"},
                    {"save-interval", "5"},
                    {"whitelist", "greylist.whitelist"}};
  request.samples["whitelist"] = "# sample\n";
  request.options = {"--greylist=1999", "--min-resend-min=2"};
  return request;
}

const Entry* find(const Plan& plan, const std::string& path) {
  for (const Entry& entry : plan.entries) {
    if (entry.path == path) return &entry;
  }
  return nullptr;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}

std::string variable(const Plan& plan, const std::string& name) {
  const Entry* entry = find(plan, plan.service.said() + "/variables/" + name);
  return entry ? entry->content : "no such file";
}

}  // namespace

TEST_CASE("a service directory holds everything that svscan, supervise and envdir look for") {
  const ServiceRequest request = sample_request();
  REQUIRE(check_request(request));
  const Plan plan = plan_service(request);
  CHECK(plan.service == "/service/greylist.1999");
  const struct {
    const char* path;
    Entry::Type type;
    mode_t mode;
    const char* owner;
    bool keep;
  } rows[] = {
      {"/etc/indimail/control", Entry::Type::directory, 0755, "indimail", true},
      {"/etc/indimail/control/greylist.whitelist", Entry::Type::file, 0644, "", true},
      {"/var/log/svc", Entry::Type::directory, 0755, "", true},
      {"/var/log/svc/greylist.1999", Entry::Type::directory, 0755, "qmaill", false},
      {"/service", Entry::Type::directory, 0755, "", true},
      {"/service/greylist.1999", Entry::Type::directory, 01755, "", false},
      {"/service/greylist.1999/variables", Entry::Type::directory, 0755, "", false},
      {"/service/greylist.1999/log", Entry::Type::directory, 0755, "", false},
      {"/service/greylist.1999/log/variables", Entry::Type::directory, 0755, "", false},
      {"/service/greylist.1999/log/run", Entry::Type::file, 0755, "", false},
      {"/service/greylist.1999/.options", Entry::Type::file, 0644, "", false},
      {"/service/greylist.1999/run", Entry::Type::file, 0755, "", false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.path);
    const Entry* entry = find(plan, row.path);
    REQUIRE(entry);
    CHECK(entry->type == row.type);
    CHECK(entry->mode == row.mode);
    CHECK(entry->owner == row.owner);
    CHECK(entry->keep == row.keep);
  }
  CHECK(find(plan, plan.service.said() + "/.options")->content ==
        "--greylist=1999\n--min-resend-min=2\n");
  CHECK_FALSE(find(plan, plan.service.said() + "/down"));
}

TEST_CASE("the group of the control socket has to exist, and is no owner of anything") {
  ServiceRequest request = sample_request();
  const auto is_group = [](const User& user) { return user.kind == User::Kind::group; };
  CHECK(std::ranges::none_of(plan_service(request).users, is_group));
  request.values["control-group"] = "greylist";
  const Plan plan = plan_service(request);
  REQUIRE(std::ranges::count_if(plan.users, is_group) == 1);
  const User group = *std::ranges::find_if(plan.users, is_group);
  CHECK(to_string(group) == "group greylist");
  CHECK(group.option == "control-group");
  for (const Entry& entry : plan.entries) CHECK(entry.owner != "greylist");
}

TEST_CASE("a unit may write where the control socket is to be") {
  ServiceRequest request = sample_request();
  const auto may_write = [&](const std::string& directory) {
    const auto directories = writable_directories(request);
    return std::ranges::find(directories, directory) != directories.end();
  };
  request.by_hand["CONTROL"] = "/run/greylist/control";
  CHECK(may_write("/run/greylist"));
  request.by_hand["CONTROL"] = "none";
  CHECK_FALSE(may_write("/run/greylist"));
  CHECK(writable_directories(request).size() == 1);
}

TEST_CASE("every setting is a file, and one that is not set is an empty one") {
  const Plan plan = plan_service(sample_request());
  CHECK(variable(plan, "CONTROLDIR") == "/etc/indimail/control\n");
  CHECK(variable(plan, "LISTEN") == "127.0.0.1@1999\n");
  CHECK(variable(plan, "CONTEXT_FILE") == "greylist.context\n");
  CHECK(variable(plan, "SERVICE_USER") == "indimail\n");
  CHECK(variable(plan, "MIN_RESEND_MIN") == "2\n");
  CHECK(variable(plan, "WHITELIST") == "greylist.whitelist\n");
  CHECK(variable(plan, "SOFT_MEM") == std::to_string(needed_memory(2'000'000)) + "\n");
  for (const Setting& setting : settings()) {
    CAPTURE(setting.variable);
    const std::string value = value_of(sample_request(), setting.option);
    CHECK(variable(plan, std::string(setting.variable)) == (value.empty() ? "" : value + "\n"));
  }
}

TEST_CASE("run names each variable once and no value at all") {
  for (const Suite& suite : suites()) {
    CAPTURE(suite.name);
    for (const bool greydaemon : {false, true}) {
      const std::string run = run_script("/usr", greydaemon, suite);
      for (const Setting& setting : settings()) {
        CAPTURE(setting.variable);
        const std::string name(setting.variable);
        CHECK(count(run, "${" + name + ":+" + grey::flag_of(setting) + " \"$" + name + "\"}") == 1);
        CHECK(count(run, "${" + name + ":") == 1);
        CHECK(count(run, "$" + name + "\"") == 1);
      }
      CHECK(count(run, "${DRY_RUN:+--dry-run}") == 1);
      CHECK(count(run, "\"$LISTEN\"") == 1);
      CHECK(count(run, "\"$CONTEXT_FILE\"") == 1);
      CHECK(count(run, greydaemon ? "/usr/sbin/greydaemon" : "/usr/sbin/qmail-greyd") == 1);
      ServiceRequest request = sample_request();
      request.suite = &suite;
      for (const Variable& variable : variables_of(request)) {
        if (variable.value.size() < 2) continue;  // a digit may be anything
        CAPTURE(variable.name);
        CHECK(count(run, variable.value) == 0);
      }
    }
  }
}

TEST_CASE("greydaemon is given its own address form, and files that need no control directory") {
  ServiceRequest request = sample_request();
  request.use_greydaemon = true;
  request.localip = "::1";
  REQUIRE(check_request(request));
  const Plan plan = plan_service(request);
  CHECK(variable(plan, "LISTEN") == "[::1]:1999\n");
  CHECK(variable(plan, "CONTEXT_FILE") == "/etc/indimail/control/greylist.context\n");
  CHECK(variable(plan, "WHITELIST") == "/etc/indimail/control/greylist.whitelist\n");
  request.values["free-interval"] = "6";
  request.values["client-passes"] = "1";
  REQUIRE(check_request(request));
  CHECK(variable(plan_service(request), "FREE_INTERVAL") == "6\n");
  CHECK(variable(plan_service(request), "DRY_RUN") == "");
  request.values["client-passes"] = "2";
  REQUIRE_FALSE(check_request(request));
  CHECK(check_request(request).error().text ==
        "--client-passes: under greydaemon's rules it is always 1; qmail-greyd has the choice");
}

TEST_CASE("the context file's directory is made for the daemon, wherever it is") {
  ServiceRequest request = sample_request();
  request.context_file = "/var/lib/grey/state";
  const Plan plan = plan_service(request);
  const Entry* directory = find(plan, "/var/lib/grey");
  REQUIRE(directory);
  CHECK(directory->owner == "indimail");
  CHECK(plan.access.front().path == "/var/lib/grey");
}

TEST_CASE("the files of a store's password and key are asked for, and never made") {
  ServiceRequest request = sample_request();
  request.suite = find_suite("systemd");
  request.cntrldir = "/c";
  request.values["store"] = "redis://db1";
  request.values["store-key-file"] = "key";
  request.values["store-password-file"] = "/root/password";
  REQUIRE(check_request(request));
  const Plan plan = plan_service(request);
  for (const char* path : {"/c/key", "/root/password"}) {
    CAPTURE(path);
    CHECK(find(plan, path) == nullptr);
    CHECK(std::ranges::any_of(plan.access, [&](const Access& access) {
      return access.path == path && access.need == Access::Need::read_secret;
    }));
  }
  // The unit lets it see a home directory that it needs.
  const Entry* const unit = find(plan, "/etc/systemd/system/greylist.1999.service");
  REQUIRE(unit);
  CHECK(count(unit->content, "ProtectHome=read-only") == 1);
  request.values["store-password-file"] = "password";
  CHECK(count(find(plan_service(request), "/etc/systemd/system/greylist.1999.service")->content,
              "ProtectHome=yes") == 1);
}

TEST_CASE("a list elsewhere is made with its directory") {
  ServiceRequest request = sample_request();
  request.values["whitelist"] = "lists/white";
  request.values["blacklist"] = "lists/black";
  request.values["rules"] = "lists/rules";
  request.samples["rules"] = "# none\n";
  const Plan plan = plan_service(request);
  CHECK(find(plan, "/etc/indimail/control/lists")->keep);
  CHECK(find(plan, "/etc/indimail/control/lists/white")->content == "# sample\n");
  CHECK(find(plan, "/etc/indimail/control/lists/rules")->content == "# none\n");
  CHECK(find(plan, "/etc/indimail/control/lists/rules")->keep);
  CHECK(variable(plan, "RULES") == "lists/rules\n");
  CHECK(std::ranges::count(plan.entries, TargetPath("/etc/indimail/control/lists"), &Entry::path) ==
        1);
}

TEST_CASE("rules in the file of a list are misuse; two lists in one are made once") {
  ServiceRequest request = sample_request();
  request.values["blacklist"] = "greylist.whitelist";
  REQUIRE(check_request(request));
  const Plan plan = plan_service(request);
  const TargetPath path("/etc/indimail/control/greylist.whitelist");
  CHECK(std::ranges::count(plan.entries, path, &Entry::path) == 1);
  request.values["rules"] = "greylist.whitelist";
  REQUIRE_FALSE(check_request(request));
  CHECK(check_request(request).error().text == "--rules: 'greylist.whitelist' is the whitelist");
}

TEST_CASE("a list at an absolute path is made, but not the directories that a typing error names") {
  ServiceRequest request = sample_request();
  request.values["whitelist"] = "/etc/gery/white";
  const Plan plan = plan_service(request);
  CHECK(find(plan, "/etc/gery") == nullptr);
  CHECK(variable(plan, "RULES").empty());
  CHECK(find(plan, "/etc/gery/white")->content == "# sample\n");
}

TEST_CASE("a tag names the service, its log and its context file") {
  ServiceRequest request = sample_request();
  request.servicetag = "mx one";
  request.context_file.clear();
  REQUIRE(check_request(request));
  const Plan plan = plan_service(request);
  CHECK(plan.service == "/service/greylist.mx one");
  CHECK(variable(plan, "CONTEXT_FILE") == "greylist.mx one.context\n");
  CHECK(variable(plan, "LISTEN") == "127.0.0.1@1999\n");
  CHECK(find(plan, "/var/log/svc/greylist.mx one"));
}

TEST_CASE("the memory limit follows from the records, unless it is given") {
  ServiceRequest request = sample_request();
  CHECK(memory_limit(request) == "387108864");
  request.values["max-records"] = "100000";
  CHECK(memory_limit(request) == "83108864");
  request.memory = "70000000";
  REQUIRE(check_request(request));
  CHECK(variable(plan_service(request), "SOFT_MEM") == "70000000\n");
  request.memory = "0";
  REQUIRE(check_request(request));
  CHECK(variable(plan_service(request), "SOFT_MEM").empty());
}

TEST_CASE("--run-file-only is about the scripts alone") {
  ServiceRequest request = sample_request();
  request.run_file_only = true;
  const Plan plan = plan_service(request);
  REQUIRE(plan.entries.size() == 2);
  CHECK(find(plan, "/service/greylist.1999/run"));
  CHECK(find(plan, "/service/greylist.1999/log/run"));
  CHECK(plan.users.empty());
  CHECK(plan.access.empty());
}

TEST_CASE("s6 finds beside `run` which descriptor that says it is ready at") {
  for (const Suite& suite : suites()) {
    CAPTURE(suite.name);
    ServiceRequest request = sample_request();
    request.suite = &suite;
    const Plan plan = plan_service(request);
    const std::string service = plan.service.said();
    const Entry* const file = find(plan, service + "/notification-fd");
    const std::string& run = find(plan, service + "/run")->content;
    CHECK((file != nullptr) == (suite.name == "s6"));
    CHECK(count(run, "--notification-fd ") == (suite.name == "s6" ? 1 : 0));
    if (file == nullptr) continue;
    CHECK(file->content == "3\n");
    CHECK(count(run, "  --notification-fd 3 \\\n") == 1);
    CHECK(file->role == Entry::Role::script);  // --refreshsvc brings both up to date
    CHECK(file->mode == 0644);
  }
}

TEST_CASE("a service that was moved is planned where it is now, with its log where it was") {
  const Plan plan = moved_to(plan_service(sample_request()), TargetPath("/elsewhere/grey"));
  CHECK(plan.service == "/elsewhere/grey");
  CHECK(find(plan, "/elsewhere/grey")->mode == 01755);
  CHECK(variable(plan, "LISTEN") == "127.0.0.1@1999\n");
  CHECK(find(plan, "/var/log/svc/greylist.1999"));
  CHECK_FALSE(find(plan, "/service/greylist.1999/run"));
}

TEST_CASE("two services never share a context file by default") {
  ServiceRequest request = sample_request();
  request.context_file.clear();
  CHECK(variable(plan_service(request), "CONTEXT_FILE") == "greylist.1999.context\n");
  request.port = 2000;
  CHECK(variable(plan_service(request), "CONTEXT_FILE") == "greylist.2000.context\n");
  // Of one port at two addresses the tag tells them apart.
  request.servicetag = "inside";
  CHECK(variable(plan_service(request), "CONTEXT_FILE") == "greylist.inside.context\n");
}

TEST_CASE("a request that cannot work is misuse before anything is planned") {
  using Change = void (*)(ServiceRequest&);
  const struct {
    const char* starts_with;
    Change change;
  } rows[] = {
      {"--greylist: 70000", [](ServiceRequest& r) { r.port = 70000; }},
      {"--greylist: 0", [](ServiceRequest& r) { r.port = 0; }},
      {"--localip: 'localhost'", [](ServiceRequest& r) { r.localip = "localhost"; }},
      {"--localip: '1.2.3.4@5'", [](ServiceRequest& r) { r.localip = "1.2.3.4@5"; }},
      {"--servicedir: 'service'", [](ServiceRequest& r) { r.servicedir = "service"; }},
      {"--cntrldir: the value", [](ServiceRequest& r) { r.cntrldir = "/a\nb"; }},
      {"--user: the value is empty", [](ServiceRequest& r) { r.user.clear(); }},
      {"--servicetag: 'a/b'", [](ServiceRequest& r) { r.servicetag = "a/b"; }},
      {"--servicetag: the value", [](ServiceRequest& r) { r.servicetag = "a\n"; }},
      {"--memory: '1000' is not a number of bytes", [](ServiceRequest& r) { r.memory = "1000"; }},
      {"--context-file: 'x/'", [](ServiceRequest& r) { r.context_file = "x/"; }},
      {"--min-resend-min: 60 minutes",
       [](ServiceRequest& r) {
         r.values["min-resend-min"] = "60";
         r.values["resend-win-hr"] = "1";
       }},
      {"--min-resend-min: 1440 minutes",
       [](ServiceRequest& r) {
         r.values.erase("resend-win-hr");  // its default counts
         r.values["min-resend-min"] = "1440";
       }},
  };
  for (const auto& row : rows) {
    CAPTURE(row.starts_with);
    ServiceRequest request = sample_request();
    row.change(request);
    const auto checked = check_request(request);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().exit_code == 100);
    CHECK(checked.error().text.starts_with(row.starts_with));
  }
}

TEST_CASE("a shell word stays one word") {
  CHECK(shell_quote("/usr/sbin") == "/usr/sbin");
  CHECK(shell_quote("") == "''");
  CHECK(shell_quote("a b") == "'a b'");
  CHECK(shell_quote("it's $HOME") == "'it'\\''s $HOME'");
}

TEST_CASE(
    "a new service has what RFC 6647 advises; under greydaemon's name the Perl program's own") {
  const char* const names[] = {"MIN_RESEND_MIN", "RESEND_WIN_HR", "TIMEOUT_DAYS", "SAVE_INTERVAL",
                               "SENDER_KEY"};
  const auto values_with = [&](bool use_greydaemon) {
    ServiceRequest request;
    request.use_greydaemon = use_greydaemon;
    request.suite = sample_request().suite;
    std::vector<std::string> values;
    for (const char* const name : names) {
      for (const Variable& variable : variables_of(request)) {
        if (variable.name == name) values.push_back(variable.value);
      }
    }
    return values;
  };
  CHECK(values_with(false) == std::vector<std::string>{"1", "24", "36", "5", "normalized"});
  CHECK(values_with(true) == std::vector<std::string>{"5", "12", "7", "5", ""});
}
