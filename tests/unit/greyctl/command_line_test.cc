#include "greyd/greyctl/command_line.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace grey::greyctl;

namespace {

std::string request_of(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "greyctl");
  const auto invocation = parse_command_line(arguments);
  if (!invocation) return invocation.error().text;
  return invocation->request.dump();
}

}  // namespace

TEST_CASE("a command line is a request") {
  struct Row {
    std::vector<std::string> arguments;
    const char* request;
  };
  const Row rows[] = {
      {{"status"}, R"({"command":"status"})"},
      {{"query", "192.0.2.7", "a@x", "b@y", "c@y"},
       R"({"client":"192.0.2.7","command":"query","recipients":["b@y","c@y"],"sender":"a@x"})"},
      {{"query", "192.0.2.7", "", "b@y"},
       R"({"client":"192.0.2.7","command":"query","recipients":["b@y"],"sender":"<>"})"},
      {{"query", "192.0.2.7", "<>", "b\xff y", "--name", "mx.example"},
       R"({"client":"192.0.2.7","command":"query","name":"mx.example","recipients":["b%FF%20y"],"sender":"<>"})"},
      {{"list"}, R"({"command":"list"})"},
      {{"list", "--client=192.0.2.0/24", "--state", "waiting", "--limit", "5"},
       R"({"client":"192.0.2.0/24","command":"list","limit":5,"state":"waiting"})"},
      {{"show", "192.0.2.7"}, R"({"client":"192.0.2.7","command":"show"})"},
      {{"forget", "192.0.2.7"}, R"({"client":"192.0.2.7","command":"forget"})"},
      {{"forget", "--sender", "*@x"}, R"({"command":"forget","sender":"*@x"})"},
      {{"allow", "192.0.2.0/24", "--for", "30d"},
       R"({"command":"allow","entry":"192.0.2.0/24","for":2592000})"},
      {{"block", "to:a@x"}, R"({"command":"block","entry":"to:a@x"})"},
      {{"unlist", "to:a@x"}, R"({"command":"unlist","entry":"to:a@x"})"},
      {{"watch", "--recipient", "*@y"}, R"({"command":"watch","recipient":"*@y"})"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.request);
    CHECK(request_of(row.arguments) == row.request);
  }
}

TEST_CASE("an export says its form, and perhaps a file") {
  const auto invocation =
      parse_command_line({"greyctl", "export", "--format", "relaytofrom", "--output", "FILE"});
  REQUIRE(invocation);
  CHECK(invocation->command == "export");
  CHECK(invocation->exporting.form == grey::imports::ExportForm::relaytofrom);
  CHECK(invocation->exporting.output == "FILE");
  CHECK(request_of({"export"}).find("--format is required") != std::string::npos);
  CHECK(request_of({"export", "--format", "indimail"}).find("'indimail' is none of json, csv, ") !=
        std::string::npos);
}

TEST_CASE("where it asks stands before the command, and so does a policy") {
  const auto invocation =
      parse_command_line({"greyctl", "--context", "c", "--ipv4-prefix", "24", "list", "--json"});
  REQUIRE(invocation);
  CHECK(invocation->named.context == "c");
  CHECK(invocation->named.policy_options == std::vector<std::string>{"--ipv4-prefix", "24"});
  CHECK(invocation->json);
}

TEST_CASE("a slip is said, and nothing is asked") {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {"dance"},
                                             {"forget"},
                                             {"allow"},
                                             {"allow", "192.0.2.1", "--for", "0s"},
                                             {"allow", "192.0.2.1", "--for", "30"},
                                             {"allow", "192.0.2.1", "--for="},
                                             {"query", "192.0.2.7"},
                                             {"list", "--limit", "x"},
                                             {"top", "dogs"},
                                             {"status", "more"},
                                             {"status", "forget"},
                                             {"--ipv4-prefix", "24", "list"},
                                             {"--control", "c", "--context", "d", "list"}}) {
    std::vector<std::string> all{"greyctl"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const auto invocation = parse_command_line(all);
    REQUIRE_FALSE(invocation);
    CHECK(invocation.error().exit_code == grey::kExitMisuse);
    CHECK(invocation.error().text.find('\n') == std::string::npos);
  }
}

TEST_CASE("where it is served is an address and a port, as GREYIP has them") {
  struct Row {
    std::string text, ip;
    int port;
  };
  const Row rows[] = {{"127.0.0.1@9119", "127.0.0.1", 9119}, {"192.0.2.1:80", "192.0.2.1", 80},
                      {"[::1]@9119", "::1", 9119},           {"::1@9119", "::1", 9119},
                      {"@9119", "127.0.0.1", 9119},          {"0@9119", "::", 9119}};
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto invocation = parse_command_line({"greyctl", "serve", row.text, "--user", "greyd"});
    REQUIRE(invocation);
    CHECK(grey::to_string(invocation->serving.where.ip) == row.ip);
    CHECK(invocation->serving.where.port == row.port);
    CHECK(invocation->serving.user == "greyd");
  }
  for (const char* const bad : {"", "@", "127.0.0.1", "127.0.0.1@", "127.0.0.1@0",
                                "127.0.0.1@65536", "localhost@80", "::1:80x", "127.0.0.1@80 "}) {
    CAPTURE(std::string(bad));
    const auto invocation = parse_command_line({"greyctl", "serve", bad});
    REQUIRE_FALSE(invocation);
    CHECK(invocation.error().exit_code == grey::kExitMisuse);
  }
  const auto named = parse_command_line(
      {"greyctl", "serve", "--host", "grey.example", "--host=mail", "127.0.0.1@9119"});
  REQUIRE(named);
  CHECK(named->serving.hosts == std::vector<std::string>{"grey.example", "mail"});
  for (const std::string bad : {"a:80", "http://a/", "a/", "a b", "*", "[::1]"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_command_line({"greyctl", "serve", "127.0.0.1@9119", "--host", bad}));
  }
  CHECK_FALSE(parse_command_line({"greyctl", "serve", "127.0.0.1@9119", "--host", ""}));
  CHECK_FALSE(parse_command_line({"greyctl", "serve"}));
  CHECK_FALSE(parse_command_line({"greyctl", "serve", "127.0.0.1@9119", "--user", ""}));
  CHECK_FALSE(parse_command_line({"greyctl", "--context", "F", "serve", "127.0.0.1@9119"}));
}

TEST_CASE("an import says how the other one was set") {
  const auto invocation = parse_command_line(
      {"greyctl", "import", "FILE", "--hold", "90s", "--record-life", "10d", "--dry-run"});
  REQUIRE(invocation);
  const auto& settings = invocation->import.settings;
  CHECK(settings.jgreylist_hold == 90);
  CHECK(settings.cqgreylist_hold == 90);
  CHECK(settings.postgrey_delay == 90);
  CHECK(settings.good_life == 864000);
  CHECK(settings.jgreylist_life == 864000);
  CHECK(invocation->import.dry_run);
  const auto plain = parse_command_line({"greyctl", "import", "FILE"});
  REQUIRE(plain);
  CHECK(plain->import.settings.good_life == 36 * 86400);
  CHECK(plain->import.settings.cqgreylist_hold == 60);
  CHECK(request_of({"import", "FILE", "--hold", "long"}).find("'long' is no duration") !=
        std::string::npos);
}
