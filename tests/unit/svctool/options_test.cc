#include "svctool/cli/options.h"

#include <doctest/doctest.h>

#include <algorithm>

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
  CHECK(request.servicedir.empty());
  CHECK(request.cntrldir == "/etc/indimail/control");
  CHECK(request.logdir == "/var/log/svc");
  CHECK(request.user == "indimail");
  CHECK(request.loguser == "qmaill");
  CHECK(request.localip == "127.0.0.1");
  CHECK(line->manner.destdir.directory() == "/tmp/x");
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

TEST_CASE("every option is taken with an equals sign and with a space") {
  const std::pair<const char*, const char*> options[] = {
      {"servicedir", "/s"},      {"servicetag", "t"},       {"localip", "::1"},
      {"cntrldir", "/c"},        {"logdir", "/l"},          {"user", "u"},
      {"loguser", "v"},          {"context-file", "f"},     {"memory", "100000000"},
      {"prefix", "/p"},          {"min-resend-min", "1"},   {"resend-win-hr", "2"},
      {"timeout-days", "3"},     {"save-interval", "4"},    {"save_interval", "4"},
      {"free-interval", "6"},    {"whitelist", "w"},        {"blacklist", "b"},
      {"hash-size", "0"},        {"max-records", "9"},      {"client-passes", "2"},
      {"ipv4-prefix", "24"},     {"ipv6-prefix", "48"},     {"sender-key", "domain"},
      {"recipient-key", "none"}, {"recipients", "all"},     {"allow", "127.0.0.1,::1"},
      {"policy", "@2,/p"},       {"policy-text", "a b"},    {"verbosity", "2"},
      {"destdir", "/d"},         {"sync", "always"},        {"log-size", "4096"},
      {"log-count", "2"},        {"supervise", "runit"},    {"log-format", "json"},
      {"control", "c"},          {"control-group", "g"},    {"rules", "r"},
      {"store", "redis://h"},    {"store-key-file", "k"},   {"store-password-file", "p"},
      {"key-file", "k"},         {"require-key", "always"}, {"sandbox", "off"},
      {"select", "suspect"},     {"pools", "name"},         {"look-ups", "off"},
      {"resolver", "::1@54"},    {"replies", "7"},          {"submission", "@3,/q"}};
  for (const Setting& setting : settings()) {
    CAPTURE(setting.option);
    CHECK(std::ranges::any_of(options, [&](const auto& o) { return setting.option == o.first; }));
  }
  for (const auto& [name, value] : options) {
    CAPTURE(name);
    const std::string option = std::string("--") + name;
    std::vector<std::string> one = {"--greylist=1999"}, two = {"--greylist", "1999"};
    if (option.starts_with("--store")) {  // which belong together
      for (auto* line : {&one, &two}) {
        line->insert(line->end(), {"--store=redis://other", "--store-key-file=other"});
      }
    }
    if (option == "--require-key") {
      for (auto* line : {&one, &two}) line->push_back("--key-file=other");
    }
    one.push_back(option + "=" + value);
    two.insert(two.end(), {option, value});
    const auto joined = parse_command_line(one);
    const auto apart = parse_command_line(two);
    REQUIRE(joined);
    REQUIRE(apart);
    const auto& first = std::get<ServiceRequest>(joined->request);
    CHECK(first.options == std::get<ServiceRequest>(apart->request).options);
    CHECK(joined->manner.destdir.directory() == apart->manner.destdir.directory());
    // .options gives the same request again.
    std::string file;
    for (const std::string& line : first.options) file += line + "\n";
    const auto again = parse_options_file(file);
    REQUIRE(again);
    CHECK(again->options == first.options);
    CHECK(again->values == first.values);
  }
}

TEST_CASE("what says how is not in .options") {
  const auto line = parse_command_line({"--greylist=1999", "--destdir=/d", "--dry-run", "--json",
                                        "--nooverwrite", "--create-users", "--down"});
  REQUIRE(line);
  CHECK(std::get<ServiceRequest>(line->request).options ==
        std::vector<std::string>{"--greylist=1999", "--down"});
  CHECK(line->manner.create_users);
  CHECK(line->manner.json);
}

TEST_CASE("what is to be imported is of one call, and in its order") {
  const auto line =
      parse_command_line({"--greylist=1999", "--import=b", "--down", "--import", "/a"});
  REQUIRE(line);
  const auto& request = std::get<ServiceRequest>(line->request);
  CHECK(request.imports == std::vector<std::string>{"b", "/a"});
  CHECK(request.options == std::vector<std::string>{"--greylist=1999", "--down"});
}

TEST_CASE("an .options file that is none is an error of the system, not misuse") {
  for (const char* content : {"", "--greyip=@\n--service=/x\n", "--greylist=x\n", "nonsense"}) {
    CAPTURE(content);
    const auto request = parse_options_file(content);
    REQUIRE_FALSE(request);
    CHECK(request.error().exit_code == 111);
  }
}

TEST_CASE("check, remove, refresh") {
  const auto parsed = [](const std::vector<std::string>& arguments) {
    auto line = parse_command_line(arguments);
    REQUIRE(line);
    return *line;
  };
  CHECK(parsed({"--check", "--greylist=1999"}).manner.check);
  CHECK(std::get<CheckAll>(parsed({"--check"}).request).servicedir.empty());
  CHECK(std::get<CheckAll>(parsed({"--check", "--servicedir=/x/"}).request).servicedir == "/x");
  CHECK(std::get<CheckService>(parsed({"--check", "--service=/s/x/"}).request).service == "/s/x");
  CHECK(std::get<CheckService>(parsed({"--check", "--service=/x", "--greyip=@"}).request).greyip ==
        "@");
  CHECK(std::get<CheckRules>(parsed({"--check", "--tcprules=f", "--match=1."}).request).match ==
        "1.");
  CHECK(std::get<RemoveService>(parsed({"--remove", "--service=/s/x"}).request).service == "/s/x");
  CHECK(std::get<RemoveService>(parsed({"--remove", "--greylist=1999", "--servicedir=/s/"}).request)
            .service == "/s/greylist.1999");
  CHECK(std::get<RemoveService>(parsed({"--remove", "--servicetag=a"}).request).service ==
        "/service/greylist.a");
  CHECK(std::get<RefreshService>(parsed({"--refreshsvc", "/s/x"}).request).service == "/s/x");
  const auto off = std::get<Autorefresh>(parsed({"--autorefresh=0", "/s/x"}).request);
  CHECK(off.service == "/s/x");
  CHECK_FALSE(off.on);
  CHECK(std::get<Autorefresh>(parsed({"--autorefresh", "1", "/s/x"}).request).on);
}

TEST_CASE("of an option that is given twice the last one counts") {
  const auto request = [](const std::vector<std::string>& arguments) {
    auto line = parse_command_line(arguments);
    REQUIRE(line);
    return std::get<ServiceRequest>(line->request);
  };
  const auto twice = request({"--greylist=1999", "--user=a", "--policy=@1", "--supervise=s6",
                              "--policy", "@2,/p", "--user=b", "--supervise=runit", "--down",
                              "--down", "--save_interval=3", "--save-interval=4"});
  CHECK(twice.user == "b");
  CHECK(twice.suite->name == "runit");
  CHECK(twice.values.at("policy") == "@2,/p");
  CHECK(twice.values.at("save-interval") == "4");
  CHECK(twice.options == std::vector<std::string>{"--greylist=1999", "--supervise=runit",
                                                  "--user=b", "--down", "--save-interval=4",
                                                  "--policy=@2,/p"});
  // So does what contradicts what came before.
  CHECK(request({"--greylist=1", "--no-whitelist", "--whitelist=w"}).options ==
        std::vector<std::string>{"--greylist=1", "--whitelist=w"});
  const auto none = request({"--greylist=1", "--whitelist=w", "--no-whitelist"});
  CHECK(none.options == std::vector<std::string>{"--greylist=1", "--no-whitelist"});
  CHECK(value_of(none, "whitelist").empty());
  // Every one of them, not only the last, has a value.
  CHECK_FALSE(parse_command_line({"--greylist=1", "--user", "", "--user=b"}));
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
      {{"--greyip=@", "--tcprules=f", "--run"}, "--run"},
      {{"--greyip=@", "--service=/x", "--remove"}, "--remove"},
      {{"--greylist=1999", "--service=/x"}, "--service"},
      {{"--greylist=1999", "--servicetag", ""}, "--servicetag"},
      {{"--check", "--greyip=@"}, "--service"},
      {{"--check", "--destdir=/x"}, "--service"},
      {{"--check", "--servicedir=/x", "--service=/y"}, "--servicedir"},
      {{"--check", "--dry-run", "--service=/x"}, "--dry-run"},
      {{"--check", "--remove", "--service=/x"}, "--remove"},
      {{"--remove"}, "--remove"},
      {{"--remove", "--service=/x", "--greylist=1"}, "--remove"},
      {{"--remove", "--service=/x", "--user=y"}, "--user"},
      {{"--remove", "--service=/x", "--json"}, "--json"},
      {{"--refreshsvc=/x", "--user=y"}, "--user"},
      {{"--refreshsvc=/x", "--greylist=1"}, "--refreshsvc"},
      {{"--autorefresh=2", "/x"}, "--autorefresh"},
      {{"--autorefresh=1"}, "--autorefresh"},
      {{"--run"}, "--run"},
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
    std::string words = "--" + std::string(setting.option) + " ";
    if (!setting.alias.empty()) words = "--" + std::string(setting.alias) + " ";
    std::string unit(setting.kind == Kind::choice ? setting.choices : setting.unit);
    for (char& c : unit) {
      if (setting.kind != Kind::choice && c >= 'a' && c <= 'z') c = char(c - 'a' + 'A');
    }
    words += unit;
    if (!setting.initial.empty()) words += "=" + std::string(setting.initial);
    CHECK_MESSAGE(help.find(words) != std::string::npos, words);
  }
  CHECK(help.find("MINUTES=5") != std::string::npos);
  CHECK(parse_command_line({"--version"}));
}
