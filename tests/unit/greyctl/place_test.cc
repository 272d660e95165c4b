#include "greyd/greyctl/place.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/temporary_directory.h"

using namespace grey;
using namespace grey::greyctl;

namespace {

struct Fixture {
  void variable(const char* name, const char* value) {
    std::filesystem::create_directories(directory / "variables");
    std::ofstream(directory / (std::string("variables/") + name)) << value;
  }
  testing::TemporaryDirectory directory;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a service's variables say where its daemon is asked, and its policy") {
  variable("CONTROLDIR", "/var/lib/grey\n");
  variable("LISTEN", "127.0.0.1@1999\n");
  variable("CONTEXT_FILE", "greylist.1999.context\n# a remark\n");
  variable("IPV4_PREFIX", "24  \n");
  variable("MIN_RESEND_MIN", "");
  const auto options = options_of_service(directory.path());
  REQUIRE(options);
  CHECK(options->control == "/var/lib/grey/greylist.1999.context.control");
  CHECK(options->context_file == "/var/lib/grey/greylist.1999.context");
  CHECK(options->policy.ipv4_prefix == 24);
  CHECK(options->policy.min_resend == 300);
  CHECK(options->user.empty());
  variable("SERVICE_USER", "daemon");
  CHECK(options_of_service(directory.path())->user == "daemon");
  variable("CONTROL", "/run/grey/control");
  CHECK(find_place({.service = directory.path()})->control == "/run/grey/control");
  variable("CONTROL", "none");
  CHECK(find_place({.service = directory.path()}).error().exit_code == kExitMisuse);
  const auto files = find_place({.service = directory.path(), .context = "copy"});
  REQUIRE(files);
  CHECK(files->control.empty());
  CHECK(files->offline->context_file == "copy");
  CHECK(files->offline->policy.ipv4_prefix == 24);
}

TEST_CASE_FIXTURE(Fixture, "a directory is the service's own where CONTROLDIR is relative") {
  variable("CONTROLDIR", ".");
  variable("LISTEN", "127.0.0.1");
  variable("CONTEXT_FILE", "context");
  CHECK(options_of_service(directory.path())->context_file == directory.path() + "/./context");
}

TEST_CASE_FIXTURE(Fixture, "under systemd the settings are lines") {
  std::ofstream(directory / "environment") << "# settings\nCONTROLDIR=/var/lib/grey\n"
                                              "LISTEN=127.0.0.1@1999\nCONTEXT_FILE=context\n"
                                              "POLICY_TEXT=\"wait \\\"%t\\\"\"\n";
  const auto options = options_of_service(directory.path());
  REQUIRE(options);
  CHECK(options->control == "/var/lib/grey/context.control");
  CHECK(options->mta_text == "wait \"%t\"");
}

TEST_CASE_FIXTURE(Fixture, "what is no service is said by its name") {
  const auto none = options_of_service(directory.path());
  REQUIRE_FALSE(none);
  CHECK(none.error().text.find(directory.path()) != std::string::npos);
  variable("LISTEN", "127.0.0.1");
  CHECK(options_of_service(directory.path()).error().text ==
        directory.path() + " is no greylisting service: it has no CONTEXT_FILE");
  variable("CONTEXT_FILE", "context");
  variable("IPV4_PREFIX", "99");
  CHECK(options_of_service(directory.path()).error().text.starts_with(directory.path() + ": "));
}

TEST_CASE("a context file's policy is that of the daemon's options") {
  const auto place = find_place({.context = "context", .policy_options = {"--ipv6-prefix", "48"}});
  REQUIRE(place);
  CHECK(place->offline->policy.ipv6_prefix == 48);
  CHECK_FALSE(find_place({.context = "context", .policy_options = {"--ipv6-prefix", "x"}}));
}
