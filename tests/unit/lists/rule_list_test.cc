// The operator's rules: what is read, what is refused, and which rule names whom.
#include "greyd/lists/rule_list.h"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace grey;

namespace {

constexpr Seconds kMinute = 60, kHour = 3600, kDay = 86400;
constexpr RuleLimits kLimits{5 * kMinute, 12 * kHour, 7 * kDay, true};

RuleList rules_of(std::string_view text) {
  auto rules = RuleList::parse(text, "greylist.rules", kLimits);
  REQUIRE_MESSAGE(rules, (rules ? "" : rules.error().text));
  return std::move(*rules);
}

std::string error_of(std::string_view text, const RuleLimits& limits = kLimits) {
  const auto rules = RuleList::parse(text, "greylist.rules", limits);
  return rules ? "" : rules.error().text;
}

struct Who {
  std::string client = "192.0.2.1";
  std::string sender = "joe@example.org";
  std::string recipient = "ann@example.com";
  std::string name{};
};

// 0: none.
std::uint32_t line_for(const RuleList& rules, const Who& who) {
  RuleList::Asked asked;
  rules.ask(*Ip::parse(who.client), who.name, who.sender, asked);
  const std::uint32_t rule = asked.rule_for(who.recipient);
  return rule == RuleList::kNone ? 0 : rules.matched(rule).line;
}

}  // namespace

TEST_CASE("a file of rules says for whom greylisting is off, on, or on other terms") {
  const RuleList rules = rules_of(R"(# greylist.rules
to:postmaster@                 off
to:ann@example.com             on                    # she wants it
to:@example.com                off

203.0.113.0/24                 min-resend 1m         # retries within two minutes
.slow.example @example.net     min-resend 15m window 2d passes 3
bulk@shop.example              text "Say \"please\" in %t"
*                              off
)");
  CHECK(rules.size() == 7);
  CHECK(line_for(rules, {.recipient = "Postmaster@any.example"}) == 2);
  CHECK(line_for(rules, {}) == 3);
  CHECK(line_for(rules, {.recipient = "bob@example.com"}) == 4);
  CHECK(line_for(rules, {.client = "203.0.113.9", .recipient = "x@y.net"}) == 6);
  const Who both{.sender = "a@example.net", .recipient = "x@y.net", .name = "mx.slow.example"};
  CHECK(line_for(rules, both) == 7);
  CHECK(line_for(rules, {.sender = "a@example.net", .recipient = "x@y.net"}) == 9);

  RuleList::Asked asked;
  rules.ask(*Ip::parse("192.0.2.1"), "mx.slow.example", "a@example.net", asked);
  const MatchedRule rule = rules.matched(asked.rule_for("x@y.net"));
  CHECK(rule.file() == "greylist.rules");
  CHECK(rule.action->min_resend == 15 * kMinute);
  CHECK(rule.action->window == 2 * kDay);
  CHECK(rule.action->passes == 3);
  CHECK_FALSE(rule.action->off);
}

TEST_CASE("what a rule says can be written as it could be read") {
  CHECK(rules_of("* Min-Resend 1M WINDOW 2d").action(0).min_resend == kMinute);
  const char* const kActions[] = {"off",
                                  "on",
                                  "min-resend 1m",
                                  "min-resend 0s",
                                  "window 1d2h3m4s",
                                  "passes 0",
                                  "passes 255",
                                  R"(text "a \"b\" \\ c # d")",
                                  R"(min-resend 90s window 2d passes 2 text "Wait %t")"};
  for (const std::string text : kActions) {
    const RuleList rules = rules_of("* " + text);
    const std::string written = to_string(*rules.matched(0).action);
    CHECK(rules_of("* " + written).action(0) == rules.action(0));
  }
}

TEST_CASE("a rule that is bad is told by its line, and by what is wrong with it") {
  const std::string kActions = "off, on, min-resend, window, passes or text";
  const std::string long_text(401, 'x');
  const struct {
    std::string line, error;
  } rows[] = {
      {"off", "names nobody: `*` is everybody"},
      {"to:a@y.net", "says nothing: one of " + kActions + " is wanted"},
      {"nonsense off",
       "not an address, network, host name, sender, to:recipient, spf:domain, nor one of " +
           kActions + ": nonsense"},
      {"192.0.2.300 off",
       "not an address, network, host name, sender, to:recipient, spf:domain, nor one of " +
           kActions + ": 192.0.2.300"},
      {"spf:192.0.2.1 off",
       "not an address, network, host name, sender, to:recipient, spf:domain, nor one of " +
           kActions + ": spf:192.0.2.1"},
      {"to:@ off",
       "not an address, network, host name, sender, to:recipient, spf:domain, nor one of " +
           kActions + ": to:@"},
      {"* offf",
       "not an address, network, host name, sender, to:recipient, spf:domain, nor one of " +
           kActions + ": offf"},
      {"* off now", "not one of " + kActions + ": now"},
      {"a@x.org b@x.org off", "names two senders, and nobody is both: make it two rules"},
      {"to:a@y.net to:b@y.net off", "names two recipients, and nobody is both: make it two rules"},
      {"192.0.2.1 192.0.2.2 off",
       "names two clients' addresses, and nobody is both: make it two rules"},
      {"a.example.org .example.org off",
       "names two clients' names, and nobody is both: make it two rules"},
      {"10.1.*.1-254 off", "stands for more than 1024 networks: 10.1.*.1-254"},
      {"* off on", "off, and on: what is off has no terms"},
      {"* min-resend 1m off", "off, and min-resend: what is off has no terms"},
      {"* off text \"x\"", "off, and text: what is off has no terms"},
      {"* on on", "on stands twice"},
      {"* passes 1 passes 2", "passes stands twice"},
      {"* min-resend", "min-resend: its value is missing"},
      {"* min-resend 5", "min-resend: not a duration, as 90s, 5m, 12h or 2d: 5"},
      {"* min-resend -1m", "min-resend: not a duration, as 90s, 5m, 12h or 2d: -1m"},
      {"* window soon", "window: not a duration, as 90s, 5m, 12h or 2d: soon"},
      {"* passes 256", "passes: not a number from 0 to 255: 256"},
      {"* passes -1", "passes: not a number from 0 to 255: -1"},
      {"* text hello", "text: not a text in double quotes: hello"},
      {"* text \"\"", "text: the text is empty"},
      {"* text \"a\\nb\"", "text: in a text \\ stands before \" and \\ alone: \"a\\nb\""},
      {"* text \"a\"b\"c\"", "text: a quote within the text is written \\\": \"a\"b\"c\""},
      {"* text \"\xc3\xa4\"", "text: the text is not printable ASCII"},
      {"* text \"" + long_text + "\"", "text: the text is longer than 400 bytes"},
      {"* text \"no end", "quotes that do not end: \"no%20end"},
      {"\"a@x.org off", "quotes that do not end: \"a@x.org%20off"},
      {"* window 5m", "the window (5m) must be longer than min-resend (5m, of all)"},
      {"* window 10m min-resend 10m", "the window (10m) must be longer than min-resend (10m)"},
      {"* min-resend 12h", "the window (12h, of all) must be longer than min-resend (12h)"},
      {"* window 7d1s", "the window (7d1s) is longer than what waits is kept (7d: --timeout-days)"},
      {"* off\rto:a@y.net off", "a carriage return or a NUL octet in it"},
      {std::string(1 << 20, 'x') + " off", "longer than 4096 octets"},
      {"* text \"" + std::string(1 << 20, '#'), "longer than 4096 octets"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.line.substr(0, 80));
    CHECK(error_of("# a comment\n\n" + row.line + "\n") == "greylist.rules:3: " + row.error);
  }
  CHECK(error_of("* passes 2", {kMinute, kHour, kDay, false}) ==
        "greylist.rules:1: passes: under greydaemon's rules one good retry makes a client known");
}

TEST_CASE("a rule that those before it leave nobody is an error, and names the first of them") {
  const struct {
    const char* before;
    const char* rule;
  } hidden[] = {
      {"*", "*"},
      {"*", "to:a@y.net"},
      {"to:a@y.net", "to:A@Y.net"},
      {"to:a@y.net", "192.0.2.1 a@x.org to:a@y.net"},
      {"to:@y.net", "to:a@y.net"},
      {"to:a@", "to:a@y.net"},
      {"to:a@", "to:a@.y.net"},
      {"to:@.y.net", "to:a@sub.y.net"},
      {"to:@.y.net", "to:@deep.sub.y.net"},
      {"to:@.y.net", "to:@.sub.y.net"},
      {"to:@.y.net", "to:a@.sub.y.net"},
      {"a@.x.org", "a@sub.x.org"},
      {"a@.x.org", "a@.sub.x.org"},
      {"192.0.2.0/24", "192.0.2.9"},
      {"192.0.2.0/24", "192.0.2.128/25 a@x.org"},
      {"192.0.2.*", "192.0.2.1-9"},
      {"2001:db8::/32", "2001:db8:1::/48"},
      {".x.org", "mx.x.org"},
      {".x.org", ".y.x.org"},
      {"mx.x.org", "MX.x.org to:a@y.net"},
      {"@bücher.example", "a@xn--bcher-kva.example"},
  };
  for (const auto& row : hidden) {
    CAPTURE(row.before);
    CAPTURE(row.rule);
    const std::string text = std::string(row.before) + " on\n\n" + row.rule + " off\n";
    CHECK(error_of(text) ==
          "greylist.rules:3: can never match: line 1 comes first, and names all whom it names");
  }
  const struct {
    const char* before;
    const char* rule;
  } left[] = {
      {"to:a@y.net", "to:b@y.net"},
      {"to:a@y.net", "a@y.net"},
      {"to:a@y.net", "to:@y.net"},
      {"to:@.y.net", "to:@y.net"},
      {"to:@y.net", "to:@.y.net"},
      {"to:a@.y.net", "to:@.y.net"},
      {"192.0.2.1", "192.0.2.0/24"},
      {"192.0.2.0/25", "192.0.2.*"},
      {"mx.x.org", ".x.org"},
      {".y.x.org", ".x.org"},
      {".x.org", "x.org"},
      {"192.0.2.1 a@x.org", "192.0.2.1"},
      {"192.0.2.1 a@x.org", "a@x.org"},
      {"::/0", "0.0.0.0/0"},
  };
  for (const auto& row : left) {
    CAPTURE(row.before);
    CAPTURE(row.rule);
    CHECK(error_of(std::string(row.before) + " on\n" + row.rule + " off\n") == "");
  }
  // Neither names both of its networks, but together they do.
  CHECK(error_of("192.0.2.0/25 on\n192.0.2.128/25 on\n192.0.2.127-128 off") ==
        "greylist.rules:3: can never match: line 1 comes first, and names all whom it names");
}

TEST_CASE("the rule that has matched outlives its list") {
  MatchedRule matched;
  {
    const RuleList rules = rules_of("* text \"Wait\"\n");
    matched = rules.matched(0);
  }
  CHECK(matched.file() == "greylist.rules");
  CHECK(matched.line == 1);
  CHECK(matched.action->text == "Wait");
  CHECK_FALSE(MatchedRule());
}

TEST_CASE("no rules name nobody") {
  for (const RuleList& rules : {RuleList(), rules_of(""), rules_of("# nothing\n\n")}) {
    CHECK(rules.empty());
    CHECK(line_for(rules, {}) == 0);
    CHECK_FALSE(rules.shortest_min_resend());
  }
}

TEST_CASE("the shortest min-resend of all rules is known") {
  const RuleList rules = rules_of("to:a@y.net min-resend 1m\nto:b@y.net min-resend 10s\n* on\n");
  CHECK(rules.shortest_min_resend() == 10);
}

TEST_CASE("rules take at most 64 octets in the mean beside their text") {
  constexpr int kRules = 10'000;
  std::string text;
  for (int i = 0; i < kRules; ++i) {
    const std::string n = std::to_string(i);
    switch (i % 5) {
      case 0:
        text += "to:user" + n + "@example.com off\n";
        break;
      case 1:
        text += "10." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ".0/24 on\n";
        break;
      case 2:
        text += "to:@domain" + n + ".example min-resend " + std::to_string(i % 200) + "s\n";
        break;
      case 3:
        text += "sender" + n + "@example.org to:@shop" + n + ".example window 1d\n";
        break;
      default:
        text += ".provider" + n + ".example passes 2\n";
    }
  }
  const RuleList rules = rules_of(text);
  REQUIRE(rules.size() == kRules);
  CHECK(rules.memory() <= 64 * kRules);
  MESSAGE("octets a rule: " << double(rules.memory()) / kRules);
}
