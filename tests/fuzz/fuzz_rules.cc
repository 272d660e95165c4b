// A file of rules: reading ends, and all is refused with one line that names its own, or all is
// read; then a rule that names somebody is one of the file's, and what it does is read again, the
// same, from how it could be written.
#include <algorithm>
#include <string>
#include <vector>

#include "greyd/lists/rule_list.h"
#include "tests/fuzz/require.h"

using namespace grey;

namespace {

constexpr RuleLimits kLimits{300, 43'200, 604'800, true};

void read_again(const RuleAction& action) {
  const std::string text = "* " + to_string(action) + "\n";
  const auto again = RuleList::parse(text, "again", kLimits);
  REQUIRE(again && again->size() == 1);
  REQUIRE(to_string(again->action(0)) == to_string(action));
}

void ask(const RuleList& rules, std::size_t lines) {
  RuleList::Asked asked;
  for (const char* client : {"192.0.2.1", "10.0.0.1", "2001:db8::1", "::ffff:203.0.113.9"}) {
    for (const char* sender : {"", "joe@example.org", "a@b.example.net", "\"x y\"@[192.0.2.1]"}) {
      rules.ask(*Ip::parse(client), "mail.example.net", sender, asked);
      for (const char* recipient : {"", "ann@example.com", "postmaster@example.com", "@"}) {
        const std::uint32_t rule = asked.rule_for(recipient);
        if (rule == RuleList::kNone) continue;
        REQUIRE(rule < rules.size());
        const MatchedRule matched = rules.matched(rule);
        REQUIRE(matched.line >= 1 && matched.line <= lines);
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<char> copy(data, data + size);
  const std::string_view text(copy.data(), size);
  const auto rules = RuleList::parse(text, "FILE", kLimits);
  if (!rules) {
    REQUIRE(rules.error().text.starts_with("FILE:"));
    REQUIRE(rules.error().text.find('\n') == std::string::npos);
    return 0;
  }
  ask(*rules, 1 + std::size_t(std::count(text.begin(), text.end(), '\n')));
  for (std::uint32_t i = 0; i < rules->size(); ++i) read_again(rules->action(i));
  return 0;
}
