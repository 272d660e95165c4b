#include "svctool/plan/settings.h"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "greyd/options.h"

using namespace grey::svctool;

TEST_CASE("a value in range is taken") {
  const struct {
    const char *option, *value;
  } good[] = {{"min-resend-min", "0"},
              {"min-resend-min", "5"},
              {"resend-win-hr", "24"},
              {"timeout-days", "30"},
              {"min-resend-min", "1000000"},
              {"resend-win-hr", "1000000"},
              {"timeout-days", "1000000"},
              {"save-interval", "1000000"},
              {"hash-size", "1099511627776"},
              {"verbosity", "3"},
              {"ipv4-prefix", "32"},
              {"ipv6-prefix", "0"},
              {"sender-key", "normalized"},
              {"recipients", "all"},
              {"allow", "127.0.0.1,192.0.2.0/24,2001:db8::/32"},
              {"allow", "127.0.0.1, ::1,"},
              {"policy", "127.0.0.1@10023,[::1]:1,*@2,/var/spool/postfix/a b/policy"},
              {"policy-text", "Please wait, %t"},
              {"whitelist", "grey list.$HOME"}};
  for (const auto& row : good) {
    CAPTURE(row.option);
    CAPTURE(row.value);
    const Setting* setting = find_setting(row.option);
    REQUIRE(setting);
    CHECK(check_value(*setting, row.value));
  }
}

TEST_CASE("a value that the daemon could not use is misuse and names option and value") {
  const struct {
    const char *option, *value;
  } bad[] = {{"min-resend-min", "-1"},
             {"min-resend-min", "5m"},
             {"min-resend-min", " 5"},
             {"min-resend-min", "99999999999999999999"},
             {"min-resend-min", "1000001"},
             {"resend-win-hr", "0"},
             {"resend-win-hr", "1000001"},
             {"verbosity", "4"},
             {"ipv4-prefix", "33"},
             {"ipv6-prefix", "129"},
             {"sender-key", "ful"},
             {"sender-key", "full|none"},
             {"allow", "192.0.2.0/33"},
             {"allow", "localhost"},
             {"allow", "2001:db8::/129"},
             {"policy", "127.0.0.1@70000"},
             {"policy", "policy"},
             {"policy", "/"},
             {"whitelist", "-w"}};
  for (const auto& row : bad) {
    CAPTURE(row.option);
    CAPTURE(row.value);
    const auto checked = check_value(*find_setting(row.option), row.value);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().exit_code == 100);
    CHECK(checked.error().text.starts_with(std::string("--") + row.option + ": "));
    CHECK(checked.error().text.find(row.value) != std::string::npos);
  }
}

TEST_CASE("svctool takes a value if and only if the daemon does") {
  const std::map<Kind, std::vector<std::string>> texts = {
      {Kind::number,
       {"-1",
        "0",
        "1",
        "3",
        "4",
        "32",
        "33",
        "128",
        "129",
        "255",
        "256",
        "8785",
        "36601",
        "527041",
        "1000000",
        "1000001",
        "400000000",
        "400000001",
        "1099511627776",
        "1099511627777"}},
      {Kind::choice, {"any", "all", "full", "domain", "none", "normalized", "half"}},
      {Kind::networks, {"127.0.0.1,::1", "127.0.0.1, ::1", "127/8,,10/8,", "10/33", "host"}},
      {Kind::store,
       {"redis://db1", "rediss://db1", "redis://u:p@db1", "db1", "redis+sentinel://h1,h2/mail",
        "redis+sentinel://h1", "redis://db1:0", "redis://[::1]:1/3"}},
      {Kind::server,
       {"192.0.2.53", "192.0.2.53@5353", "[::1]@53", "::1", "0", "*", "host", "/a", "192.0.2.53@0",
        "192.0.2.53@65536", "192.0.2.53,192.0.2.54"}},
      {Kind::places, {"127.0.0.1", "127.0.0.1@1,/a", "/a,", ",/a", "/a,,/b", ",", "a", "host@1"}}};
  for (const Setting& setting : settings()) {
    const auto row = texts.find(setting.kind);
    if (row == texts.end()) continue;
    for (const std::string& text : row->second) {
      CAPTURE(setting.option);
      CAPTURE(text);
      std::vector<std::string> arguments = {"qmail-greyd"};
      // The two that must fit to each other, as far apart as can be.
      if (grey::flag_of(setting) != "-m") arguments.insert(arguments.end(), {"-m", "0"});
      if (grey::flag_of(setting) != "-g") arguments.insert(arguments.end(), {"-g", "1000000"});
      if (setting.name == "require-key") arguments.insert(arguments.end(), {"--key-file", "k"});
      if (setting.kind == Kind::store) arguments.insert(arguments.end(), {"--store-key-file", "k"});
      arguments.insert(arguments.end(), {grey::flag_of(setting), text, "127.0.0.1", "context"});
      CHECK(grey::parse_command_line(arguments, "").has_value() ==
            check_value(setting, text).has_value());
    }
  }
}

TEST_CASE("a store and its key belong together, by the names that they were given by") {
  const struct {
    std::map<std::string_view, std::string> values;
    std::string fault;
  } rows[] = {
      {{}, ""},
      {{{"store", "redis://db1"}, {"store-key-file", "k"}}, ""},
      {{{"store", "redis://db1"}, {"store-key-file", "k"}, {"store-password-file", "p"}}, ""},
      {{{"store", "redis://db1"}}, "STORE needs STORE_KEY_FILE"},
      {{{"store-key-file", "k"}}, "STORE_KEY_FILE is of no use without STORE"},
      {{{"store-password-file", "p"}}, "STORE_PASSWORD_FILE is of no use without STORE"},
      {{{"key-file", "k"}}, ""},
      {{{"key-file", "k"}, {"require-key", "always"}}, ""},
      {{{"require-key", "never"}}, "REQUIRE_KEY is of no use without KEY_FILE"},
  };
  for (const auto& row : rows) {
    const auto checked = check_sharing(
        [&](const Setting& setting) {
          const auto value = row.values.find(setting.option);
          return value == row.values.end() ? std::string() : value->second;
        },
        [](const Setting& setting) { return std::string(setting.variable); });
    CHECK((checked ? "" : checked.error().text) == row.fault);
  }
}

TEST_CASE("no fault of a URL repeats the password in it") {
  const auto checked = check_value(*find_setting("store"), "redis://grey:seCret@db1");
  REQUIRE_FALSE(checked);
  CHECK(checked.error().text.find("seCret") == std::string::npos);
}

TEST_CASE("a text that the daemon would not send is refused") {
  const auto checked = check_value(*find_setting("policy-text"), std::string(401, 'x'));
  REQUIRE_FALSE(checked);
  CHECK(checked.error().text.starts_with("--policy-text: "));
}

TEST_CASE("what a file read by envdir cannot hold is refused") {
  for (const char* value : {"", "two\nlines", "tab\t", "trailing ", "\x7f"}) {
    CAPTURE(value);
    CHECK_FALSE(check_line("whitelist", value));
  }
  CHECK(check_line("whitelist", "a b'c\"d$e\\f\xc3\xa9"));
}

TEST_CASE("no two settings share an option or a variable") {
  std::set<std::string_view> options, variables;
  for (const Setting& setting : settings()) {
    CHECK(options.insert(setting.option).second);
    CHECK(variables.insert(setting.variable).second);
    if (!setting.initial.empty()) CHECK(check_value(setting, setting.initial));
  }
}
