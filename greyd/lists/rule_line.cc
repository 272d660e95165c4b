#include "greyd/lists/rule_line.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "greyd/base/deferral.h"
#include "greyd/base/duration.h"
#include "greyd/base/text.h"
#include "greyd/lists/domain_name.h"
#include "greyd/lists/mailbox.h"
#include "greyd/lists/network_set.h"
#include "greyd/lists/rule_list.h"

namespace grey {
namespace {

constexpr std::string_view kActions = "off, on, min-resend, window, passes or text";
constexpr std::size_t kShown = 100;  // octets of a word in an error

std::string shown(std::string_view word) {
  return to_word(word.substr(0, kShown));
}

// ---- words -------------------------------------------------------------------------------------

// Takes the first word off `line`, with the blanks behind it. In double quotes a blank is none.
// Nothing when quotes do not end.
std::optional<std::string_view> take_word(std::string_view& line) {
  bool quoted = false;
  std::size_t i = 0;
  for (; i < line.size() && (quoted || (line[i] != ' ' && line[i] != '\t')); ++i) {
    if (line[i] == '"') quoted = !quoted;
    if (quoted && line[i] == '\\') ++i;
  }
  if (quoted) return std::nullopt;
  const std::string_view word = line.substr(0, i);
  line.remove_prefix(std::min(line.find_first_not_of(" \t", i), line.size()));
  return word;
}

Result<std::vector<std::string_view>> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const auto word = take_word(line);
    if (!word) return failure("quotes that do not end: " + shown(line));
    words.push_back(*word);
  }
  return words;
}

// ---- who ---------------------------------------------------------------------------------------

RuleForm form_of_mailbox(std::string_view key) {
  const std::size_t at = key.rfind('@');
  const bool below = key.substr(at + 1).starts_with('.');
  if (at == 0) return below ? RuleForm::below : RuleForm::domain;
  if (at + 1 == key.size()) return RuleForm::local;
  return below ? RuleForm::local_below : RuleForm::whole;
}

RuleEntry mailbox_entry(RuleKind kind, std::string_view text) {
  RuleEntry entry{kind, read_mailbox(text), {}};
  for (const std::string& key : entry.texts) entry.forms.push_back(form_of_mailbox(key));
  return entry;
}

RuleEntry name_entry(std::string_view text) {
  if (text.starts_with("*.")) text.remove_prefix(1);  // as many would write ".example.com"
  RuleEntry entry{RuleKind::name, read_domain(text), {}};
  for (const std::string& name : entry.texts) {
    if (name.find('.') == std::string::npos || name.starts_with('[')) return {};
    entry.forms.push_back(name.starts_with('.') ? RuleForm::below : RuleForm::whole);
  }
  return entry;
}

RuleEntry address_entry(std::string_view text) {
  RuleEntry entry{RuleKind::address, {}, {}};
  NetworkSet networks;
  if (!networks.add(text)) return {};
  networks.build();
  networks.for_each_network([&](const Network& network) {
    if (entry.texts.size() > RuleList::kMaxNetworks) return;
    entry.texts.push_back(network_key(network));
    entry.forms.push_back(RuleForm::network);
  });
  return entry;
}

// "example.com" of "spf:example.com", as the DNS has it; empty: it is no such entry.
std::string domain_of(std::string_view word) {
  return to_lower(word.substr(0, 4)) == "spf:" ? read_dns_domain(word.substr(4)) : std::string();
}

// Of nobody where nothing is known.
RuleEntry domain_entry(std::string_view domain, const DomainNetworks& networks_of) {
  RuleEntry entry{RuleKind::address, {}, {}};
  const std::vector<Network>* const networks = networks_of ? networks_of(domain) : nullptr;
  if (networks == nullptr) return entry;
  for (const Network& network : *networks) {
    entry.texts.push_back(network_key(network));
    entry.forms.push_back(RuleForm::network);
  }
  return entry;
}

// Without texts when it is none.
RuleEntry read_entry(std::string_view word) {
  if (to_lower(word.substr(0, 3)) == "to:") {
    return mailbox_entry(RuleKind::recipient, word.substr(3));
  }
  if (word.find('@') != std::string_view::npos) return mailbox_entry(RuleKind::sender, word);
  return NetworkSet::is_meant(word) ? address_entry(word) : name_entry(word);
}

Result<void> add_entry(std::string_view word, RuleLine& rule, const DomainNetworks& networks_of) {
  static constexpr std::string_view kNames[kRuleKinds] = {"clients' addresses", "clients' names",
                                                          "senders", "recipients"};
  std::vector<RuleEntry>& who = rule.who;
  const std::string domain = domain_of(word);
  RuleEntry entry = domain.empty() ? read_entry(word) : domain_entry(domain, networks_of);
  if (entry.texts.empty() && domain.empty()) {
    return failure(
        "not an address, network, host name, sender, to:recipient, spf:domain, nor one of " +
        std::string(kActions) + ": " + shown(word));
  }
  if (entry.texts.size() > RuleList::kMaxNetworks) {
    return failure("stands for more than " + std::to_string(RuleList::kMaxNetworks) +
                   " networks: " + shown(word));
  }
  const auto place = std::ranges::lower_bound(who, entry.kind, {}, &RuleEntry::kind);
  if (place != who.end() && place->kind == entry.kind) {
    return failure("names two " + std::string(kNames[std::size_t(entry.kind)]) +
                   ", and nobody is both: make it two rules");
  }
  who.insert(place, std::move(entry));
  if (!domain.empty()) rule.domain = domain;
  return {};
}

// ---- what it says ------------------------------------------------------------------------------

bool is_action(std::string_view word) {
  static constexpr std::string_view kWords[] = {"off",    "on",     "min-resend",
                                                "window", "passes", "text"};
  return std::ranges::find(kWords, to_lower(word)) != std::end(kWords);
}

Result<Seconds> read_duration(std::string_view word) {
  if (const auto duration = parse_duration(to_lower(word))) return *duration;
  return failure("not a duration, as 90s, 5m, 12h or 2d: " + shown(word));
}

Result<unsigned> read_passes(std::string_view word) {
  constexpr unsigned kMost = 255;
  unsigned passes = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), passes);
  if (error == std::errc() && end == word.data() + word.size() && passes <= kMost) return passes;
  return failure("not a number from 0 to 255: " + shown(word));
}

Result<std::string> read_text(std::string_view word) {
  if (word.size() < 2 || word.front() != '"' || word.back() != '"') {
    return failure("not a text in double quotes: " + shown(word));
  }
  std::string text;
  for (std::size_t i = 1; i + 1 < word.size(); ++i) {
    if (word[i] == '"') return failure("a quote within the text is written \\\": " + shown(word));
    if (word[i] == '\\' && word[++i] != '"' && word[i] != '\\') {
      return failure("in a text \\ stands before \" and \\ alone: " + shown(word));
    }
    text += word[i];
  }
  if (const auto good = check_deferral(text); !good) return failure(good.error().text);
  return text;
}

// Reads the words from the first action on.
class Actions {
 public:
  Result<RuleAction> read(std::span<const std::string_view> words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      const std::string name = to_lower(words[i]);
      if (!is_action(name)) {
        return failure("not one of " + std::string(kActions) + ": " + shown(words[i]));
      }
      const bool valued = name != "off" && name != "on";
      if (valued && i + 1 == words.size()) return failure(name + ": its value is missing");
      if (auto good = take(name, valued ? words[++i] : std::string_view()); !good) {
        return tl::make_unexpected(good.error());
      }
    }
    if (action_.off && said_.size() > 1) {
      const std::string& other = said_[said_.front() == "off" ? 1 : 0];
      return failure("off, and " + other + ": what is off has no terms");
    }
    return std::move(action_);
  }

 private:
  template <typename Value, typename Into>
  Result<void> put(const std::string& name, Result<Value> value, Into& into) {
    if (!value) return failure(name + ": " + value.error().text);
    into = std::move(*value);
    return {};
  }

  Result<void> take(const std::string& name, std::string_view value) {
    if (std::ranges::find(said_, name) != said_.end()) return failure(name + " stands twice");
    said_.push_back(name);
    if (name == "min-resend") return put(name, read_duration(value), action_.min_resend);
    if (name == "window") return put(name, read_duration(value), action_.window);
    if (name == "passes") return put(name, read_passes(value), action_.passes);
    if (name == "text") return put(name, read_text(value), action_.text);
    action_.off = name == "off" || action_.off;
    return {};
  }

  RuleAction action_;
  std::vector<std::string> said_;
};

}  // namespace

Result<RuleLine> read_rule_line(std::string_view line, const DomainNetworks& networks_of) {
  if (line.size() > RuleList::kMaxLine) {
    return failure("longer than " + std::to_string(RuleList::kMaxLine) + " octets");
  }
  const auto words = words_of(line);
  if (!words) return tl::make_unexpected(words.error());
  RuleLine rule;
  const auto first_action = std::ranges::find_if(*words, is_action);
  if (first_action == words->begin()) return failure("names nobody: `*` is everybody");
  for (auto word = words->begin(); word != first_action; ++word) {
    if (*word == "*") continue;
    if (auto good = add_entry(*word, rule, networks_of); !good)
      return tl::make_unexpected(good.error());
  }
  if (first_action == words->end()) {
    return failure("says nothing: one of " + std::string(kActions) + " is wanted");
  }
  auto action = Actions().read({first_action, words->end()});
  if (!action) return tl::make_unexpected(action.error());
  rule.action = std::move(*action);
  return rule;
}

}  // namespace grey
