#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "greyd/base/text.h"
#include "greyd/fronts/counters_text.h"
#include "greyd/fronts/decision_log.h"
#include "greyd/fronts/record_log.h"
#include "tests/unit/core/decided.h"

using namespace grey;
using testing::decided;
using testing::dry_run;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

std::string line_in(LogFormat format, std::string_view datagram, Decided decision,
                    const Policy& policy = {}) {
  tell_under(policy, decision);
  wire::Query query;
  const wire::Dialect dialect = policy.personality == Personality::greydaemon
                                    ? wire::Dialect::greydaemon
                                    : wire::Dialect::qmail_greyd;
  REQUIRE(wire::parse(datagram, query, dialect) == wire::Fault::none);
  std::string line;
  append_decision(line, format, query, decision,
                  *parse_endpoint("127.0.0.1@40312", Wildcards::refused));
  return line;
}

std::string decision_line(std::string_view datagram, Decided decision, const Policy& policy = {}) {
  return line_in(LogFormat::plain, datagram, decision, policy);
}

constexpr LogFormat kFormats[] = {LogFormat::plain, LogFormat::logfmt, LogFormat::json};

}  // namespace

TEST_CASE("a decision is one line of key=value fields") {
  CHECK(decision_line("I192.0.2.1\0Fa@x.org\0Tb@y.net\0Tc@y.net\0\0"sv,
                      {decided(wire::Reason::early, 42)}) ==
        "verdict=defer reason=early client=192.0.2.1 sender=a@x.org recipients=b@y.net,c@y.net "
        "age=42 wait=258 source=127.0.0.1@40312\n");
  CHECK(decision_line("I::1\0F\0Tb@y.net\0"sv, {decided(wire::Reason::bounce, 300)}, dry_run()) ==
        "verdict=accept reason=bounce client=::1 sender=<> recipients=b@y.net age=300 "
        "source=127.0.0.1@40312 dry-run=yes\n");
  CHECK(decision_line("I::1\0Fa\0Tb\0P\0"sv, {decided(wire::Reason::new_triplet, 0)})
            .ends_with(" source=127.0.0.1@40312 probe=yes\n"));
}

TEST_CASE("a decision names what decided: the wait, the client's name, the list's line or key") {
  const auto place = [](std::string file, std::string key) {
    return std::make_shared<const Matched::Place>(Matched::Place{std::move(file), std::move(key)});
  };
  CHECK(decision_line("I192.0.2.1\0Fa\0Tb\0Nmx.example.org\0"sv,
                      {decided(wire::Reason::new_triplet, 0)})
            .starts_with("verdict=defer reason=new client=192.0.2.1 name=mx.example.org sender=a "
                         "recipients=b age=0 wait=300 source="));
  CHECK(decision_line("I::1\0Fa\0Tb\0"sv, {decided(wire::Reason::stale, 90'000)})
            .find(" age=90000 wait=300 source=") != std::string::npos);
  CHECK(decision_line("I::1\0Fa\0Tb\0"sv, {decided(wire::Reason::whitelisted, 0),
                                           {place("/c/greylist.whitelist", ""), 12}})
            .find(" age=0 list=greylist.whitelist:12 source=") != std::string::npos);
  CHECK(decision_line("I::1\0Fa\0Tb\0"sv, {decided(wire::Reason::blacklisted, 0),
                                           {place("black.cdb", "192.0.2.0/24"), 0}})
            .find(" age=0 list=black.cdb:192.0.2.0/24 source=") != std::string::npos);
}

TEST_CASE("a decision in each format, its client always at one place") {
  const auto place = std::make_shared<const Matched::Place>(Matched::Place{"/c/gre y.list", ""});
  Decided rule{decided(wire::Reason::rule)};
  const auto book = std::make_shared<const MatchedRule::Book>(
      MatchedRule::Book{"/c/gre y.rules", std::vector<RuleAction>(1)});
  rule.rule = {book, &book->actions.front(), 7};
  Decided suspect{decided(wire::Reason::new_triplet)};
  suspect.suspicions.add(Suspicion::no_name);
  suspect.suspicions.add(Suspicion::helo);
  const struct {
    std::string_view datagram;
    Decided decision;
    bool dry_run;
    const char *logfmt, *json;
  } rows[] = {
      {"I192.0.2.1\0Fa@x.org\0Tb@y.net\0Tc@y.net\0Nmx.example.org\0\0"sv,
       {decided(wire::Reason::early, 42)},
       false,
       "level=info verdict=defer reason=early client=192.0.2.1 name=mx.example.org sender=a@x.org "
       "recipients=b@y.net,c@y.net age=42 wait=258 source=127.0.0.1@40312\n",
       R"({"level":"info","verdict":"defer","reason":"early","client":"192.0.2.1",)"
       R"("name":"mx.example.org","sender":"a@x.org","recipients":["b@y.net","c@y.net"],)"
       R"("age":42,"wait":258,"source":"127.0.0.1@40312"})"
       "\n"},
      {"I::1\0F\0Tb@y.net\0P\0"sv,
       {decided(wire::Reason::whitelisted, 0), {place, 12}},
       true,
       "level=info verdict=accept reason=whitelisted client=::1 sender=<> recipients=b@y.net age=0 "
       "list=gre%20y.list:12 source=127.0.0.1@40312 probe=yes dry-run=yes\n",
       R"({"level":"info","verdict":"accept","reason":"whitelisted","client":"::1","sender":"",)"
       R"("recipients":["b@y.net"],"age":0,"list":"gre%20y.list:12","source":"127.0.0.1@40312",)"
       R"("probe":true,"dry_run":true})"
       "\n"},
      {"I::1\0Fa@x.org\0Tb@y.net\0"sv, rule, false,
       "level=info verdict=accept reason=rule client=::1 sender=a@x.org recipients=b@y.net age=0 "
       "rule=gre%20y.rules:7 source=127.0.0.1@40312\n",
       R"({"level":"info","verdict":"accept","reason":"rule","client":"::1","sender":"a@x.org",)"
       R"("recipients":["b@y.net"],"age":0,"rule":"gre%20y.rules:7","source":"127.0.0.1@40312"})"
       "\n"},
      {"I::1\0Fa@x.org\0Tb@y.net\0Hloc al\0"sv, suspect, false,
       "level=info verdict=defer reason=new client=::1 sender=a@x.org recipients=b@y.net age=0 "
       "wait=300 source=127.0.0.1@40312 suspect=no-name,helo helo=loc%20al\n",
       R"({"level":"info","verdict":"defer","reason":"new","client":"::1","sender":"a@x.org",)"
       R"("recipients":["b@y.net"],"age":0,"wait":300,"source":"127.0.0.1@40312",)"
       R"("suspect":"no-name,helo","helo":"loc%20al"})"
       "\n"},
      // What a quote, a backslash, the sign between name and value, and no UTF-8 become.
      {"I::1\0Fprvs=1=a\xff@x\0Ta\"b\0Tc\\\xc3,\0"sv,
       {decided(wire::Reason::early, 0)},
       false,
       "level=info verdict=defer reason=early client=::1 sender=\"prvs=1=a%FF@x\" "
       "recipients=\"a\\\"b,c\\\\%C3%2C\" age=0 wait=300 source=127.0.0.1@40312\n",
       R"({"level":"info","verdict":"defer","reason":"early","client":"::1",)"
       R"("sender":"prvs=1=a%FF@x","recipients":["a\"b","c\\%C3%2C"],"age":0,"wait":300,)"
       R"("source":"127.0.0.1@40312"})"
       "\n"},
  };
  for (const auto& row : rows) {
    const Policy policy = row.dry_run ? dry_run() : Policy{};
    CHECK(line_in(LogFormat::logfmt, row.datagram, row.decision, policy) == row.logfmt);
    CHECK(line_in(LogFormat::json, row.datagram, row.decision, policy) == row.json);
  }
}

TEST_CASE("the longest line that a query can make stays below PIPE_BUF, in each format") {
  Policy greydaemon = dry_run();
  greydaemon.personality = Personality::greydaemon;
  // Bytes that become three, or two behind a backslash, and ones that want quotes besides.
  for (const char c : {'\x01', '"', '\\', '='}) {
    for (const std::size_t size : {60'000 / 12, 100, 127}) {
      const std::string odd(size, c);
      for (const bool name : {false, true}) {
        CAPTURE(int(c));
        CAPTURE(size);
        std::string many = "I" + (name ? odd : "2001:db8:1111:2222:3333:4444:5555:6666") + '\0' +
                           "F" + odd + '\0' + "N" + odd + '\0' + "H" + odd + '\0';
        for (int i = 0; i < 10; ++i) many += "T" + odd + '\0';
        const auto place = std::make_shared<const Matched::Place>(Matched::Place{odd, odd});
        Decided early{decided(wire::Reason::early, std::int64_t{1} << 62), {place, 0}};
        for (std::size_t i = 0; i < kSuspicions; ++i) early.suspicions.add(Suspicion(i));
        for (const LogFormat format : kFormats) {
          const std::string line = line_in(format, many, early, name ? greydaemon : dry_run());
          CHECK(line.size() < 4096);
          CHECK(line.find('\n') == line.size() - 1);
        }
      }
    }
  }
}

TEST_CASE("whatever octets a query has, a line of JSON is one object of ASCII, and says them") {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string sender, recipient;
    for (std::size_t i = random() % 40; i > 0; --i) {
      // Few are plain, and many are those that a format could be broken with.
      constexpr std::string_view kEvil = "\"\\=%<>{}[],: \n\r\t\x7f\x80\xc3\xff";
      const char c = random() % 2 ? kEvil[random() % kEvil.size()] : char(1 + random() % 255);
      (random() % 2 ? sender : recipient) += c;
    }
    const std::string datagram = "I::1\0F"s + sender + "\0T"s + recipient + "\0Tsecond\0\0"s;
    const std::string line = line_in(LogFormat::json, datagram, {decided(wire::Reason::early, 1)});
    CAPTURE(line);
    CHECK(line.find('\n') == line.size() - 1);
    CHECK(std::all_of(line.begin(), line.end() - 1, [](char c) { return c >= ' ' && c < 0x7f; }));
    const auto object = nlohmann::json::parse(line);
    const auto bytes = [](const std::string& word) {
      return word.empty() ? std::string() : read_word(word).value_or("no word");
    };
    CHECK(object.size() == 9);
    CHECK(bytes(object["sender"]) == sender);
    CHECK(bytes(object["recipients"][0]) == recipient);
    CHECK(object["recipients"][1] == "second");
    CHECK(object["client"] == "::1");
  }
}

TEST_CASE("a record has its line in each format") {
  SavedRecord record;
  record.seen = 1'700'000'000;
  record.client = *Ip::parse("192.0.2.1");
  record.sender = "a=\"@x.org";
  record.recipient = "b@y.net";
  const auto line = [&](LogFormat format) {
    std::string out;
    append_record_line(out, format, record);
    return out;
  };
  CHECK(line(LogFormat::plain) == "W 1700000000 192.0.2.1 a=\"@x.org b@y.net\n");
  CHECK(line(LogFormat::logfmt) ==
        "level=info state=waiting client=192.0.2.1 sender=\"a=\\\"@x.org\" recipient=b@y.net "
        "first-seen=1700000000\n");
  CHECK(line(LogFormat::json) ==
        R"({"level":"info","state":"waiting","client":"192.0.2.1","sender":"a=\"@x.org",)"
        R"("recipient":"b@y.net","first_seen":1700000000})"
        "\n");
  record.record_class = RecordClass::client;
  record.passes = 3;
  CHECK(line(LogFormat::logfmt) ==
        "level=info state=client client=192.0.2.1 passes=3 last-seen=1700000000\n");
  record.client = Client::named("\"");
  CHECK(line(LogFormat::json) ==
        R"({"level":"info","state":"client","client":"\"","passes":3,"last_seen":1700000000})"
        "\n");
}

TEST_CASE("counters have their line in each format") {
  Counters counters;
  const auto line = [&](LogFormat format) {
    std::string out;
    append_counters(out, format, counters);
    return out;
  };
  CHECK(line(LogFormat::json) == R"({"level":"info","message":"counters","counters":{}})"
                                 "\n");
  counters.udp.decided[std::size_t(wire::Reason::early)] = 3;
  counters.log_lines = 2;
  CHECK(line(LogFormat::plain) == "info: counters udp.decided.early=3 log.lines=2\n");
  CHECK(line(LogFormat::logfmt) == "level=info message=counters udp.decided.early=3 log.lines=2\n");
  CHECK(line(LogFormat::json) ==
        R"({"level":"info","message":"counters","counters":{"udp.decided.early":3,"log.lines":2}})"
        "\n");
}

TEST_CASE("nothing in a query can forge a field or a line, nor make one long") {
  const std::string line = decision_line("I::1\0Fx reason=passed\nverdict=accept\0Ta,b\0"sv, {});
  CHECK(line.find('\n') == line.size() - 1);
  CHECK(line.find("sender=x%20reason=passed%0Averdict=accept recipients=a%2Cb age") !=
        std::string::npos);

  std::string many("I::1\0F\0"sv);
  for (int i = 0; i < 2000; ++i) many += "T" + std::string(20, 'r') + '\0';
  CHECK(decision_line(many, {}).find(",+1992 age=") != std::string::npos);
  const std::string huge = "I::1\0F"s + std::string(60'000, '\x01') + "\0T\0"s;
  CHECK(decision_line(huge, {}).size() < 4096);
}
