#include <doctest/doctest.h>

#include "svctool/options.h"

using namespace grey::svctool;

TEST_CASE(
    "an option is taken with an equals sign or a space, and with the underscore upstream had") {
  const std::vector<std::string> spellings[] = {
      {"--greylist=1999", "--save-interval=7", "--user=x", "--use-greydaemon"},
      {"--greylist", "1999", "--save-interval", "7", "--user", "x", "--use-greydaemon"},
      {"--use-greydaemon", "--user", "x", "--save_interval=7", "--greylist=1999"},
      {"--greylist=1999", "--save_interval", "7", "--user=x", "--use-greydaemon"},
  };
  for (const auto& arguments : spellings) {
    const auto line = parse_command_line(arguments);
    REQUIRE(line);
    const auto& request = std::get<ServiceRequest>(line->request);
    CHECK(request.port == 1999);
    CHECK(request.user == "x");
    CHECK(request.use_greydaemon);
    CHECK(request.values.at("save-interval") == "7");
    // One spelling is kept, so that a second run in another one changes nothing.
    CHECK(request.options == std::vector<std::string>{"--greylist=1999", "--user=x",
                                                      "--use-greydaemon", "--save-interval=7"});
  }
}

TEST_CASE("defaults are IndiMail's") {
  const auto line = parse_command_line({"--greylist=1999", "--destdir=/tmp/x/", "--dry-run"});
  REQUIRE(line);
  const auto& request = std::get<ServiceRequest>(line->request);
  CHECK(request.servicedir == "/service");
  CHECK(request.cntrldir == "/etc/indimail/control");
  CHECK(request.logdir == "/var/log/svc");
  CHECK(request.user == "indimail");
  CHECK(request.loguser == "qmaill");
  CHECK(request.localip == "127.0.0.1");
  CHECK(line->manner.destdir == "/tmp/x");
  CHECK(line->manner.dry_run);
  CHECK(request.options == std::vector<std::string>{"--greylist=1999"});
}

TEST_CASE("GREYIP goes to a service or to a rule") {
  const auto service = parse_command_line({"--greyip=127.0.0.1@1999", "--service=/service/smtp/"});
  REQUIRE(service);
  CHECK(std::get<ServiceGreyip>(service->request).service == "/service/smtp");
  const auto rule =
      parse_command_line({"--greyip", "@", "--tcprules=f", "--match=1.2.", "--force"});
  REQUIRE(rule);
  CHECK(std::get<RuleGreyip>(rule->request).match == "1.2.");
  CHECK(rule->manner.force == Force::yes);
  const auto none = parse_command_line({"--no-greyip", "--tcprules=f"});
  REQUIRE(none);
  CHECK(std::get<RuleGreyip>(none->request).greyip.empty());
}

TEST_CASE("misuse is one line that names the thing") {
  const struct {
    std::vector<std::string> arguments;
    const char* names;
  } rows[] = {
      {{}, "nothing to do"},
      {{"--nonsense"}, "--nonsense"},
      {{"--greylist"}, "--greylist"},
      {{"--greylist=x"}, "--greylist"},
      {{"--greylist=70000"}, "70000"},
      {{"--greylist=-1"}, "-1"},
      {{"--greylist=1999", "stray"}, "stray"},
      {{"--greylist=1999", "--user"}, "--user"},
      {{"--greylist=1999", "--user=a", "--user=b"}, "--user"},
      {{"--greylist=1999", "--min-resend-min=x"}, "--min-resend-min"},
      {{"--greylist=1999", "--memory=lots"}, "--memory"},
      {{"--greylist=1999", "--greyip=@"}, "--greyip"},
      {{"--min-resend-min=2"}, "--min-resend-min"},
      {{"--user=x", "--greyip=@", "--service=/x"}, "--user"},
      {{"--greyip=@"}, "--service"},
      {{"--greyip=nowhere", "--service=/x"}, "nowhere"},
      {{"--greyip=@", "--service=/x", "--tcprules=f"}, "--tcprules"},
      {{"--greyip=@", "--no-greyip", "--service=/x"}, "--no-greyip"},
      {{"--greyip=@", "--service=/x", "--match=1."}, "--match"},
      {{"--greyip=@", "--tcprules=f", "--match=#1."}, "--match"},
      {{"--greyip=@", "--tcprules=f", "--match=1.:allow"}, "--match"},
      {{"--greyip=@", "--tcprules=f", "--destdir=/x"}, "--destdir"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.names);
    const auto line = parse_command_line(row.arguments);
    REQUIRE_FALSE(line);
    CHECK(line.error().exit_code == 100);
    CHECK(line.error().text.find('\n') == std::string::npos);
    CHECK(line.error().text.find(row.names) != std::string::npos);
  }
}

TEST_CASE("help names every setting with its unit and default") {
  const auto line = parse_command_line({"--help"});
  REQUIRE(line);
  const std::string& help = std::get<PrintText>(line->request).text;
  for (const Setting& setting : settings()) {
    CHECK(help.find("--" + std::string(setting.option)) != std::string::npos);
  }
  CHECK(help.find("MINUTES=5") != std::string::npos);
  CHECK(parse_command_line({"--version"}));
}
