// The index of rules against a slow model: each entry of a rule is a list of its own, and the first
// rule all of whose lists name who is asked about is the one.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "greyd/base/text.h"
#include "greyd/lists/address_list.h"
#include "greyd/lists/rule_list.h"

using namespace grey;

namespace {

constexpr RuleLimits kLimits{300, 43200, 604800, true};

struct Asked {
  Ip client;
  std::string name, sender, recipient;
};

class ModelRule {
 public:
  explicit ModelRule(const std::vector<std::string>& who) : who_(who) {
    for (const std::string& entry : who) lists_.push_back(*AddressList::parse(entry, ""));
  }
  bool names(const Asked& asked) const {
    for (std::size_t i = 0; i < who_.size(); ++i) {
      const AddressList& list = lists_[i];
      const bool recipient = who_[i].starts_with("to:");
      const bool named = recipient
                             ? list.has_recipient(asked.recipient)
                             : list.has_client(asked.client) || list.has_client_name(asked.name) ||
                                   list.has_sender(asked.sender);
      if (!named) return false;
    }
    return true;
  }
  std::string line() const {
    std::string text;
    for (const std::string& entry : who_) text += entry + " ";
    return (who_.empty() ? "* " : text) + "on\n";
  }

 private:
  std::vector<std::string> who_;
  std::vector<AddressList> lists_;
};

// Few of each, so that they meet.
class Random {
 public:
  explicit Random(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t limit) { return random_() % limit; }
  std::string domain() {
    std::string domain = pick({"a.example", "b.a.example", "c.b.a.example", "d.example", "example",
                               "bücher.example", "xn--bcher-kva.example"});
    if (below(4) == 0) domain = to_upper(domain);
    return below(8) == 0 ? domain + "." : domain;
  }
  std::string mailbox() {
    switch (below(12)) {
      case 0:
        return "";
      case 1:
        return "u";
      case 2:
        return "u@";
      case 3:
        return "@a.example";
      case 4:
        return "\"u\"@a.example";
      case 5:
        return "u@b@a.example";
      case 6:
        return "u@[192.0.2.1]";
      default:
        return pick({"u", "v", "U"}) + "@" + domain();
    }
  }
  std::string mailbox_entry() {
    const std::string local = pick({"", "u", "v", "\"u\""});
    const std::string at = pick({"@", "@.", "@"});
    return below(6) == 0 ? "u@" : local + at + pick({"a.example", "b.a.example", "bücher.example"});
  }
  std::string address() {
    if (below(4) == 0)
      return "2001:db8:" + std::to_string(below(3)) + "::" + std::to_string(below(3));
    const std::string v4 = "192.0." + std::to_string(below(3)) + "." + std::to_string(below(5));
    return pick({"", "::ffff:", "64:ff9b::"}) + v4;
  }
  std::string address_entry() {
    const std::string n = std::to_string(below(3)), m = std::to_string(below(5));
    return pick({"192.0." + n + "." + m, "192.0." + n + ".0/24", "192.0.*.1-3", "192.0.0.0/16",
                 "192.0." + n + ".0/30", "2001:db8:" + n + "::/48", "2001:db8::/32", "0.0.0.0/0",
                 "::/0", "192.0.[1-2].?"});
  }
  std::string name_entry() {
    return pick({"mx.a.example", ".a.example", ".b.a.example", ".example", "a.example",
                 "mx.bücher.example"});
  }
  std::vector<std::string> who() {
    std::vector<std::string> who;
    if (below(3) == 0) who.push_back(address_entry());
    if (below(4) == 0) who.push_back(name_entry());
    if (below(3) == 0) who.push_back(mailbox_entry());
    if (below(2) == 0) who.push_back("to:" + mailbox_entry());
    std::shuffle(who.begin(), who.end(), random_);
    return who;
  }
  Asked asked() {
    return {*Ip::parse(address()),
            pick({"", "mx.a.example", "b.a.example", "MX.b.a.example.", "a.example",
                  "mx.xn--bcher-kva.example", "mx..example"}),
            mailbox(), mailbox()};
  }

 private:
  static std::string to_upper(std::string text) {
    for (char& c : text) c = c >= 'a' && c <= 'z' ? char(c - 32) : c;
    return text;
  }
  std::string pick(const std::vector<std::string>& of) { return of[below(of.size())]; }

  std::mt19937 random_;
};

// From 1; 0: none.
std::size_t first_that_names(const std::vector<ModelRule>& rules, const Asked& asked) {
  const auto rule = std::ranges::find_if(rules, [&](const auto& of) { return of.names(asked); });
  return rule == rules.end() ? 0 : std::size_t(rule - rules.begin()) + 1;
}

}  // namespace

TEST_CASE("the rule that is found is the first all of whose entries name who is asked about") {
  std::size_t named = 0, asked_about = 0, refused = 0;
  for (unsigned seed = 1; seed <= 1500; ++seed) {
    Random random(seed);
    std::vector<ModelRule> model;
    std::string text;
    RuleList rules;
    for (std::size_t n = 1 + random.below(20); n > 0; --n) {
      const ModelRule next(random.who());
      auto more = RuleList::parse(text + next.line(), "rules", kLimits);
      if (!more) {
        // Refused, as there is nobody left whom it could name.
        ++refused;
        REQUIRE_MESSAGE(more.error().text.find("can never match") != std::string::npos,
                        more.error().text);
        for (int i = 0; i < 20; ++i) {
          const Asked asked = random.asked();
          if (next.names(asked)) REQUIRE(first_that_names(model, asked) != 0);
        }
        continue;
      }
      rules = std::move(*more);
      text += next.line();
      model.push_back(next);
    }
    RuleList::Asked walk;  // used again
    for (int i = 0; i < 60; ++i) {
      const Asked asked = random.asked();
      rules.ask(asked.client, asked.name, asked.sender, walk);
      const std::uint32_t rule = walk.rule_for(asked.recipient);
      const std::size_t line = rule == RuleList::kNone ? 0 : rules.matched(rule).line;
      const std::size_t expected = first_that_names(model, asked);
      named += expected != 0;
      ++asked_about;
      REQUIRE_MESSAGE(line == expected, "seed " << seed << ": " << to_string(asked.client) << " "
                                                << asked.name << " <" << asked.sender << "> <"
                                                << asked.recipient << ">\n"
                                                << text);
    }
  }
  CHECK(named > asked_about / 4);
  CHECK(named < asked_about);
  CHECK(refused > 100);
}
