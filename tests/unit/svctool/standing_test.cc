// A service that stands: what a hand has done to its files, and what is gone of them.
#include "svctool/files/standing.h"

#include <doctest/doctest.h>
#include <pwd.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "greyd/base/files.h"
#include "svctool/daemon/look_at.h"
#include "svctool/files/service_files.h"
#include "svctool/plan/edits.h"
#include "svctool/plan/service_dir.h"
#include "svctool/verbs/check.h"
#include "svctool/verbs/find_services.h"
#include "tests/temporary_directory.h"

using namespace grey::svctool;
namespace fs = std::filesystem;

namespace {

void write(const std::string& path, const std::string& content) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << content;
}

std::string content_of(const std::string& path) {
  const auto content = grey::read_file(path);
  return content && *content ? **content : "nothing";
}

const Entry* find(const Plan& plan, const TargetPath& path) {
  for (const Entry& entry : plan.entries) {
    if (entry.path == path) return &entry;
  }
  return nullptr;
}

// A service below a directory, with files as a scanner needs them.
struct Service {
  grey::testing::TemporaryDirectory home;
  Destdir destdir{home.path()};
  ServiceRequest request;

  Service() {
    request.port = 1999;
    request.prefix = "/usr";
    request.options = {"--greylist=1999"};
  }
  std::string directory() const { return destdir.at(service_path(request)); }
  Plan kept() const {
    Plan plan = plan_service(request);
    keep_what_stays(plan, request, destdir, true);
    return plan;
  }
};

}  // namespace

TEST_CASE("what is below a variable's first line stays when an option gives it another value") {
  CHECK(with_envdir_value("5\n# agreed with Jane\n", "7") == "7\n# agreed with Jane\n");
  CHECK(with_envdir_value("5", "7") == "7\n");
  CHECK(with_envdir_value("5 \n# x", "5") == "5 \n# x");
  // An empty first line would set it to nothing, an empty file leaves it to the daemon.
  CHECK(with_envdir_value("5\n# x\n", "") == "");

  Service service;
  write(service.directory() + "/variables/MIN_RESEND_MIN", "5\n# agreed with Jane\n");
  service.request.values["min-resend-min"] = "7";
  const Plan plan = service.kept();
  const Entry* entry = find(plan, plan.service + "/variables/MIN_RESEND_MIN");
  REQUIRE(entry);
  CHECK(entry->content == "7\n# agreed with Jane\n");
}

TEST_CASE("--force sets back values and scripts, and takes no remark away") {
  Service service;
  const std::string variable = "/variables/MIN_RESEND_MIN";
  write(service.directory() + variable, "9\n# agreed with Jane\n");
  write(service.directory() + "/run", "#!/bin/sh\n# edited\n");
  // As --force has it: nothing is taken for an edit, and no script is kept.
  Plan plan = plan_service(service.request);
  keep_what_stays(plan, service.request, service.destdir, false);
  CHECK(find(plan, plan.service + variable)->content == "1\n# agreed with Jane\n");
  CHECK(find(plan, plan.service + "/run")->content.find("edited\n") == std::string::npos);
  CHECK(plan.kept.empty());
}

TEST_CASE("a script that may have been edited is put beside the new one, each under its own name") {
  Service service;
  const auto names = [&](const std::string& run) {
    write(service.directory() + "/run", run);
    std::vector<std::string> paths;
    for (const Entry& entry : service.kept().entries) {
      const std::string& path = entry.path.said();
      if (path.find("/run.before") == path.npos) continue;
      paths.push_back(path.substr(path.rfind('/') + 1));
      CHECK(entry.content == run);
      write(service.destdir.at(entry.path), entry.content);  // as an installation does
    }
    return paths;
  };
  using Names = std::vector<std::string>;
  CHECK(names("#!/bin/sh\n# the first\n") == Names{"run.before"});
  CHECK(names("#!/bin/sh\n# the second\n") == Names{"run.before.2"});
  CHECK(content_of(service.directory() + "/run.before") == "#!/bin/sh\n# the first\n");
  CHECK(names("#!/bin/sh\n# the first\n") == Names{"run.before"});  // is there already
  CHECK(names("#!/bin/sh\n# the third\n") == Names{"run.before.3"});
}

TEST_CASE("a service whose .options are gone or empty is found, and that is its fault") {
  const grey::testing::TemporaryDirectory home;
  const std::string services = home.path() + "/services";
  for (const char* name : {"whole", "gone", "empty", "unit", "other"}) {
    write(services + "/" + name + "/run", "#!/bin/sh\n");
  }
  for (const char* name : {"whole", "gone", "empty"}) {
    write(services + "/" + name + "/variables/LISTEN", "127.0.0.1@1999\n");
    write(services + "/" + name + "/variables/CONTEXT_FILE", "context\n");
  }
  write(services + "/unit/environment", "LISTEN=127.0.0.1@1999\nCONTEXT_FILE=context\n");
  write(services + "/whole/.options", "--greylist=1999\n");
  write(services + "/empty/.options", "");
  const FoundServices found = find_services(services);
  using Paths = std::vector<std::string>;
  CHECK(found.greylisting == Paths{services + "/whole"});
  CHECK(found.unknown == Paths{services + "/empty", services + "/gone", services + "/unit"});
  CHECK(found.smtp.empty());

  const Findings findings = check_unknown(services + "/gone");
  CHECK_FALSE(findings.good());
  REQUIRE(findings.list.size() == 1);
  CHECK(findings.list[0].id == "options-missing");
  CHECK(findings.list[0].path == services + "/gone/.options");
  const AllFindings all = check_all(services, Manner());
  std::size_t missing = 0;
  for (const Findings& service : all.services) {
    for (const Finding& finding : service.list) missing += finding.id == "options-missing";
  }
  CHECK(missing == 3);
}

TEST_CASE("state that is root's is handed over by commands, in their order") {
  if (::geteuid() != 0 || ::getpwnam("nobody") == nullptr) return;
  const grey::testing::TemporaryDirectory home;
  const std::string service = home.path() + "/service", context = home.path() + "/state/context";
  write(service + "/variables/CONTROLDIR", home.path() + "/state\n");
  write(service + "/variables/CONTEXT_FILE", "context\n");
  fs::create_directories(home.path() + "/state");
  CHECK(hand_over_state(service, "nobody", false).empty());
  const auto commands = [&](const std::string& files) {
    return "svctool --stop --service=" + service + "; chown nobody " + files +
           "; svctool --start --service=" + service;
  };
  write(context + ".journal", "x");
  CHECK(hand_over_state(service, "nobody", false) == commands(context + ".journal"));
  // A daemon that ends writes a snapshot, and its journal goes.
  const std::string left = context + " " + context + ".lock " + context + ".totals";
  CHECK(hand_over_state(service, "nobody", true) == commands(left));
  write(context + ".entries", "x");
  CHECK(hand_over_state(service, "nobody", true) == commands(left + " " + context + ".entries"));
  CHECK(hand_over_state(service, "nobody", false) ==
        commands(context + ".journal " + context + ".entries"));
  fs::remove(context + ".entries");
  write(context, "x");
  CHECK(hand_over_state(service, "nobody", false) ==
        commands(context + " " + context + ".journal"));
  CHECK(hand_over_state(service, "", false).empty());  // root has it all
  CHECK(hand_over_state(service, "nobody that is there", false).empty());
  const auto give_to = [&](uid_t user) {
    for (const char* end : {"", ".journal"}) {
      REQUIRE(::chown((context + end).c_str(), user, gid_t(-1)) == 0);
    }
  };
  give_to(::getpwnam("nobody")->pw_uid);
  CHECK(hand_over_state(service, "nobody", false).empty());
  // The directory of whoever had it goes along, where nobody else can save there.
  give_to(1);
  const std::string directory = home.path() + "/state";
  REQUIRE(::chown(directory.c_str(), 1, gid_t(-1)) == 0);
  CHECK(hand_over_state(service, "nobody", false) ==
        commands(directory + " " + context + " " + context + ".journal"));
}

TEST_CASE("what a log's directory needs is said as commands that give it") {
  const auto accesses = log_accesses("/var/log/svc/my x", "qmaill");
  REQUIRE(accesses.size() > 1);
  CHECK(accesses[0].remedy ==
        "chown qmaill '/var/log/svc/my x'; chmod 755 '/var/log/svc/my x'; and let that user "
        "through its parent directories");
}
