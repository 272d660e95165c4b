#include "greyd/options.h"

#include <doctest/doctest.h>

#include <sstream>

using namespace grey;

namespace {

std::vector<std::string> words(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> result;
  for (std::string word; stream >> word;) result.push_back(word);
  return result;
}

Options good(const std::string& line) {
  const auto result = parse_command_line(words(line), "/control");
  REQUIRE_MESSAGE(result, (result ? "" : result.error().text));
  return result->options;
}

}  // namespace

TEST_CASE("the defaults are the documented ones") {
  const Options options = good("qmail-greyd 127.0.0.1 context");
  CHECK(options.policy.min_resend == 300);
  CHECK(options.policy.resend_window == 12 * 3600);
  CHECK(options.policy.timeout == 7 * 86400);
  CHECK(options.policy.client_passes == 1);
  CHECK(options.policy.recipients == RecipientRule::any);
  CHECK(options.policy.ipv4_prefix == 32);
  CHECK(options.policy.ipv6_prefix == 64);
  CHECK(options.policy.sender_key == SenderKey::full);
  CHECK(options.policy.recipient_key == RecipientKey::full);
  CHECK_FALSE(options.policy.dry_run);
  CHECK(options.policy.personality == Personality::qmail_greyd);
  CHECK(options.save_interval == 300);
  CHECK(options.free_interval == 300);
  CHECK(options.max_records == 2'000'000);
  CHECK(options.listen.port == 1999);
  CHECK(options.context_file == "/control/context");
  CHECK(options.whitelist == "");
  CHECK(options.user == "");
  CHECK_FALSE(options.allow);
  CHECK_FALSE(options.notification_fd);
}

TEST_CASE("the descriptor that s6 waits at is a number behind the standard ones") {
  CHECK(good("qmail-greyd --notification-fd 3 * /c").notification_fd == 3);
  for (const char* bad : {"0", "2", "-1", "x", "99999999"}) {
    CAPTURE(bad);
    const auto result = parse_command_line(
        words("qmail-greyd --notification-fd " + std::string(bad) + " * /c"), "");
    REQUIRE_FALSE(result);
    CHECK(result.error().exit_code == kExitMisuse);
  }
}

TEST_CASE("upstream's short options and the long names mean the same") {
  for (const char* line :
       {"qmail-greyd -m 2 -g 24 -t 30 -s 1 -f 3 -h 65536 -p 2000 -v 3 -u nobody -w white * /c",
        "qmail-greyd -m2 -g24 -t30 -s1 -f3 -h65536 -p2000 -v3 -unobody -wwhite 0 /c",
        "qmail-greyd --min-resend=2 --resend-window 24 --timeout-days=30 --save-interval=1 "
        "--free-interval=3 --hash-size=65536 --port=2000 --verbosity=3 --user=nobody "
        "--whitelist=white :: /c"}) {
    CAPTURE(line);
    const Options options = good(line);
    CHECK(options.policy.min_resend == 120);
    CHECK(options.policy.resend_window == 24 * 3600);
    CHECK(options.policy.timeout == 30 * 86400);
    CHECK(options.save_interval == 60);
    CHECK(options.free_interval == 180);
    CHECK(options.listen.port == 2000);
    CHECK(options.listen.ip.is_any());
    CHECK(options.verbosity == Verbosity::records);
    CHECK(options.user == "nobody");
    CHECK(options.whitelist == "/control/white");
    CHECK(options.context_file == "/c");
  }
}

TEST_CASE("greydaemon by name or by option has its own rules and defaults") {
  for (const char* line :
       {"greydaemon 127.0.0.1:1998 save", "/usr/sbin/greydaemon 127.0.0.1:1998 save",
        "qmail-greyd --greydaemon 127.0.0.1:1998 save"}) {
    CAPTURE(line);
    const Options options = good(line);
    CHECK(options.policy.personality == Personality::greydaemon);
    CHECK(options.policy.recipients == RecipientRule::all);
    CHECK(options.save_interval == 600);
    CHECK(options.policy.resend_window == 12 * 3600);
    CHECK(options.policy.clients_are_whole());
    CHECK(options.listen.port == 1998);
  }
  CHECK(good("greydaemon -s 3 127.0.0.1 save").save_interval == 180);
  CHECK(good("greydaemon --ipv6-prefix=64 127.0.0.1 save").policy.ipv6_prefix == 64);
  CHECK_FALSE(good("qmail-greyd --ipv6-prefix=128 127.0.0.1 c").policy.clients_are_whole());
}

TEST_CASE("to greydaemon a number that is 0 is the default") {
  for (const char* line : {"greydaemon -m 0 -g 0 -t 0 -s 0 127.0.0.1 save",
                           "qmail-greyd -m 0 -g 0 -t 0 -s 0 --greydaemon 127.0.0.1 save"}) {
    const Options options = good(line);
    CHECK(options.policy.min_resend == 5 * 60);
    CHECK(options.policy.resend_window == 12 * 3600);
    CHECK(options.policy.timeout == 7 * 86400);
    CHECK(options.save_interval == 10 * 60);
  }
  CHECK(good("qmail-greyd -m 0 127.0.0.1 c").policy.min_resend == 0);
}

TEST_CASE("every option that the Perl program lacks works under the name greydaemon, too") {
  const Options options = good(
      "greydaemon --dry-run --allow=192.0.2.0/24 --policy=127.0.0.1@10023 --policy-text=later "
      "--ipv4-prefix=24 --ipv6-prefix=56 --sender-key=domain --recipient-key=none "
      "--recipients=all --client-passes=1 --blacklist=black --whitelist=white --rules=rules -f 9 "
      "-h 4096 --max-records=1000 --port=2000 --sync=always -v 2 --log-format=json --check "
      "127.0.0.1 save");
  const Policy& policy = options.policy;
  CHECK(policy.personality == Personality::greydaemon);
  CHECK(policy.dry_run);
  CHECK(options.allow->contains(*Ip::parse("192.0.2.9")));
  CHECK(options.mta_addresses.size() == 1);
  CHECK(options.mta_text == "later");
  CHECK(policy.ipv4_prefix == 24);
  CHECK(policy.ipv6_prefix == 56);
  CHECK(policy.sender_key == SenderKey::domain);
  CHECK(policy.recipient_key == RecipientKey::none);
  CHECK(options.blacklist == "/control/black");
  CHECK(options.whitelist == "/control/white");
  CHECK(options.rules == "/control/rules");
  CHECK(options.free_interval == 540);
  CHECK(options.max_records == 1000);
  CHECK(options.listen.port == 2000);
  CHECK(options.sync == Sync::always);
  CHECK(options.verbosity == Verbosity::state);
  CHECK(options.log_format == LogFormat::json);
  CHECK(options.check);
}

TEST_CASE("what greydaemon's rules leave no choice of is refused under that name") {
  for (const char* line :
       {"greydaemon --recipients=any 127.0.0.1 save", "greydaemon --client-passes=2 127.0.0.1 save",
        "greydaemon --client-passes=0 127.0.0.1 save",
        "qmail-greyd --greydaemon --recipients any 127.0.0.1 save",
        "greydaemon --store=redis://db1 --store-key-file=key 127.0.0.1 save",
        "qmail-greyd --greydaemon --store redis://db1 --store-key-file=key 127.0.0.1 save",
        "greydaemon --store-key-file=key 127.0.0.1 save"}) {
    CAPTURE(line);
    const auto result = parse_command_line(words(line), "");
    REQUIRE_FALSE(result);
    CHECK(result.error().exit_code == kExitMisuse);
    CHECK(result.error().text.find("greydaemon's rules") != std::string::npos);
  }
}

TEST_CASE("a store is named by its URL, and by files below the control directory") {
  const Options options = good(
      "qmail-greyd --store=redis://grey@DB1/2 --store-key-file=key --store-password-file=/etc/pw "
      "127.0.0.1 c");
  REQUIRE(options.store);
  CHECK(to_string(*options.store) == "redis://grey@db1:6379/2");
  CHECK(options.store_key_file == "/control/key");
  CHECK(options.store_password_file == "/etc/pw");
  CHECK_FALSE(good("qmail-greyd 127.0.0.1 c").store);
}

TEST_CASE("with keys remote hosts are to have one, unless it says otherwise") {
  const Options options = good("qmail-greyd --key-file=keys 127.0.0.1 c");
  CHECK(options.key_file == "/control/keys");
  CHECK(options.require_key == RequireKey::remote);
  CHECK(good("qmail-greyd --key-file /k --require-key never 0 c").require_key == RequireKey::never);
  CHECK(good("greydaemon --key-file=/k --require-key=always 0 c").require_key ==
        RequireKey::always);
  CHECK(good("qmail-greyd 127.0.0.1 c").key_file.empty());
}

TEST_CASE("choices are given by their words") {
  CHECK(good("qmail-greyd --recipients=all 0 c").policy.recipients == RecipientRule::all);
  CHECK(good("qmail-greyd --sender-key normalized 0 c").policy.sender_key == SenderKey::normalized);
  CHECK(good("qmail-greyd --sender-key=domain 0 c").policy.sender_key == SenderKey::domain);
  CHECK(good("qmail-greyd 0 c").policy.select == Select::all);
  CHECK(good("qmail-greyd --select=suspect 0 c").policy.select == Select::suspect);
  CHECK(good("greydaemon --select=all 0 c").policy.select == Select::all);
  CHECK(good("qmail-greyd 0 c").policy.pools == PoolUse::on);
  CHECK(good("qmail-greyd --pools=name 0 c").policy.pools == PoolUse::name);
  CHECK(good("qmail-greyd --pools=spf 0 c").policy.pools == PoolUse::spf);
  CHECK(good("qmail-greyd --pools=off 0 c").policy.pools == PoolUse::off);
  CHECK(good("greydaemon 0 c").policy.pools == PoolUse::off);
  CHECK(good("greydaemon --pools=off 0 c").policy.pools == PoolUse::off);
  CHECK(good("qmail-greyd --recipient-key=none 0 c").policy.recipient_key == RecipientKey::none);
}

TEST_CASE("--allow is a list of networks") {
  const Options options = good("qmail-greyd --allow 192.0.2.0/24,2001:db8::/32,, 127.0.0.1 c");
  REQUIRE(options.allow);
  CHECK(options.allow->contains(*Ip::parse("192.0.2.9")));
  CHECK(options.allow->contains(*Ip::parse("2001:db8::9")));
  CHECK_FALSE(options.allow->contains(*Ip::parse("127.0.0.1")));
}

TEST_CASE("--policy is a list of addresses and paths, and may be given several times") {
  CHECK(good("qmail-greyd 0 c").mta_addresses.empty());
  const Options options = good(
      "qmail-greyd --policy=127.0.0.1,/run/greyd/policy --policy [::1]@2000 --policy *@10024 0 c");
  const auto& all = options.mta_addresses;
  REQUIRE(all.size() == 4);
  CHECK(all[0].path == "");
  CHECK(all[0].endpoint == Endpoint{*Ip::parse("127.0.0.1"), 10023});
  CHECK(all[1].path == "/run/greyd/policy");
  CHECK(all[2].endpoint == Endpoint{*Ip::parse("::1"), 2000});
  CHECK(all[3].endpoint.ip.is_any());
  CHECK(good("qmail-greyd --policy-text=%t 0 c").mta_text == "%t");
}

TEST_CASE("misuse is one line that names what is wrong, and exit code 100") {
  const struct {
    const char* line;
    const char* names;
  } rows[] = {
      {"qmail-greyd", "ipaddr"},
      {"qmail-greyd 127.0.0.1", "contextFile"},
      {"qmail-greyd 127.0.0.1 c extra", "extra"},
      {"qmail-greyd --nonsense 127.0.0.1 c", "--nonsense"},
      {"qmail-greyd -m", "--min-resend"},
      {"qmail-greyd -m five 127.0.0.1 c", "five"},
      {"qmail-greyd -m -1 127.0.0.1 c", "-1"},
      {"qmail-greyd -g 0 127.0.0.1 c", "--resend-window"},
      {"qmail-greyd -m 60 -g 1 127.0.0.1 c", "60 minutes"},
      {"qmail-greyd -p 0 127.0.0.1 c", "--port"},
      {"qmail-greyd -p 70000 127.0.0.1 c", "70000"},
      {"qmail-greyd -v 4 127.0.0.1 c", "--verbosity"},
      {"qmail-greyd --log-format=xml 127.0.0.1 c", "xml"},
      {"qmail-greyd localhost c", "localhost"},
      {"qmail-greyd 127.0.0.1@70000 c", "127.0.0.1@70000"},
      {"qmail-greyd --ipv4-prefix 33 127.0.0.1 c", "--ipv4-prefix"},
      {"qmail-greyd --ipv6-prefix 129 127.0.0.1 c", "--ipv6-prefix"},
      {"qmail-greyd --recipients some 127.0.0.1 c", "some"},
      {"qmail-greyd --pools=yes 127.0.0.1 c", "yes"},
      {"greydaemon --pools=on 127.0.0.1 c", "--pools"},
      {"greydaemon --select=suspect 127.0.0.1 c", "--select"},
      {"qmail-greyd --select=none 127.0.0.1 c", "--select"},
      {"qmail-greyd --sender-key half 127.0.0.1 c", "half"},
      {"qmail-greyd --allow 10.0.0.0/33 127.0.0.1 c", "10.0.0.0/33"},
      {"qmail-greyd --allow example.com 127.0.0.1 c", "example.com"},
      {"qmail-greyd --max-records 0 127.0.0.1 c", "--max-records"},
      {"qmail-greyd --policy= 127.0.0.1 c", "--policy: the value is empty"},
      {"qmail-greyd --policy=run/policy 127.0.0.1 c", "run/policy"},
      {"qmail-greyd --policy=127.0.0.1@10023,localhost 127.0.0.1 c", "localhost"},
      {"qmail-greyd --policy-text=\xc3\xa4 127.0.0.1 c", "--policy-text"},
      {"qmail-greyd --store=redis://db1 127.0.0.1 c", "--store needs --store-key-file"},
      {"qmail-greyd --store-key-file=k 127.0.0.1 c",
       "--store-key-file is of no use without --store"},
      {"qmail-greyd --store-password-file=p 127.0.0.1 c",
       "--store-password-file is of no use without --store"},
      {"qmail-greyd --store= --store-key-file=k 127.0.0.1 c", "--store: the value is empty"},
      {"qmail-greyd --store=db1 --store-key-file=k 127.0.0.1 c", "--store: a store is redis://"},
      {"qmail-greyd --store=rediss://db1 --store-key-file=k 127.0.0.1 c", "--store: TLS"},
      {"qmail-greyd --store=redis://u:p@db1 --store-key-file=k 127.0.0.1 c",
       "--store-password-file"},
      {"qmail-greyd --require-key=remote 127.0.0.1 c",
       "--require-key is of no use without --key-file"},
      {"qmail-greyd --key-file=k --require-key=local 127.0.0.1 c", "local"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.line);
    const auto result = parse_command_line(words(row.line), "");
    REQUIRE_FALSE(result);
    CHECK(result.error().exit_code == kExitMisuse);
    CHECK(result.error().text.find(row.names) != std::string::npos);
    CHECK(result.error().text.find('\n') == std::string::npos);
  }
}

TEST_CASE("the log has its format also where the command line is wrong elsewhere") {
  const struct {
    const char* line;
    LogFormat format;
  } rows[] = {
      {"qmail-greyd 127.0.0.1 c", LogFormat::plain},
      {"qmail-greyd --log-format=json --nonsense", LogFormat::json},
      {"qmail-greyd --nonsense --log-format logfmt", LogFormat::logfmt},
      {"qmail-greyd --log-format=json --log-format=plain", LogFormat::plain},
      {"qmail-greyd --log-format=xml", LogFormat::plain},
      {"qmail-greyd --log-format", LogFormat::plain},
      {"qmail-greyd --log-formats json", LogFormat::plain},
  };
  for (const auto& row : rows) {
    CAPTURE(row.line);
    CHECK(log_format_in(words(row.line)) == row.format);
  }
}

TEST_CASE("--help and --version are answered, not run") {
  const auto help = parse_command_line({"qmail-greyd", "--help"}, "");
  REQUIRE(help);
  REQUIRE(help->information);
  for (const char* option : {"-m,--min-resend", "-w,--whitelist", "-h,--hash-size", "--allow"}) {
    CHECK(help->information->text.find(option) != std::string::npos);
  }
  CHECK(parse_command_line({"qmail-greyd", "--version"}, "")
            ->information->text.starts_with("qmail-greyd "));
}
