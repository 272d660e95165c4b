#include "greyd/lists/rule_list.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "greyd/base/duration.h"
#include "greyd/base/text.h"
#include "greyd/lists/list_lines.h"
#include "greyd/lists/rule_line.h"

namespace grey {

std::string to_string(const RuleAction& action) {
  if (action.off) return "off";
  std::string text;
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!text.empty()) text += ' ';
    text.append(name).append(" ").append(value);
  };
  if (action.min_resend) add("min-resend", write_duration(*action.min_resend));
  if (action.window) add("window", write_duration(*action.window));
  if (action.passes) add("passes", std::to_string(*action.passes));
  if (!action.text.empty()) {
    std::string quoted = "\"";
    for (const char c : action.text) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
    add("text", quoted + '"');
  }
  return text.empty() ? "on" : text;
}

// ---- reading -----------------------------------------------------------------------------------

class RuleList::Reader {
 public:
  Reader(std::string_view name, const RuleLimits& limits, const DomainNetworks& networks_of)
      : limits_(limits), networks_of_(networks_of) {
    book_.file = name;
  }

  Result<void> add(const ListLines::Line& line) {
    if (line.strange) return wrong(line.number, "a carriage return or a NUL octet in it");
    auto rule = read_rule_line(line.text, networks_of_);
    if (!rule) return wrong(line.number, rule.error().text);
    if (const std::string what = out_of_limits(rule->action); !what.empty()) {
      return wrong(line.number, what);
    }
    if (!rule->domain.empty()) list_.domains_.push_back(rule->domain);
    // Networks come and go: with them, all has been looked at before, and without, they hold nobody
    // and nobody holds them.
    const bool looks = !networks_of_ && rule->domain.empty();
    if (const auto first = looks ? first_that_holds(rule->who) : std::nullopt) {
      return wrong(line.number, "can never match: line " + std::to_string(*first) +
                                    " comes first, and names all whom it names");
    }
    if (const auto own = rule->action.min_resend) {
      auto& shortest = list_.shortest_min_resend_;
      shortest = std::min(shortest.value_or(*own), *own);
    }
    const auto number = std::uint32_t(list_.rules_.size());
    for (const RuleEntry& entry : rule->who) {
      auto& first = list_.first_on_[std::size_t(entry.kind)];
      if (!rule->action.off) first = std::min(first, number);
    }
    for_each_path(rule->who, [&] { list_.index_.add(path_, number); });
    if (list_.index_.nodes() + 4 * kMaxNetworks > RuleIndex::kMaxNodes) {
      return wrong(line.number, "networks and names of all rules are too many");
    }
    list_.rules_.push_back({line.number, index_of(std::move(rule->action))});
    return {};
  }

  RuleList finish() {
    list_.index_.finish();
    std::ranges::sort(list_.domains_);
    // (clang 14 cannot compile that of std::ranges with this library, and fuzzing is by clang.)
    auto& domains = list_.domains_;
    domains.erase(std::unique(domains.begin(), domains.end()), domains.end());
    list_.rules_.shrink_to_fit();
    book_.actions.shrink_to_fit();
    list_.book_ = std::make_shared<const MatchedRule::Book>(std::move(book_));
    return std::move(list_);
  }

 private:
  Result<void> wrong(std::uint32_t line, const std::string& what) const {
    return failure(book_.file + ":" + std::to_string(line) + ": " + what);
  }

  // What is wrong with it under the terms that hold besides; empty: nothing.
  std::string out_of_limits(const RuleAction& action) const {
    const auto text_of = [](const std::optional<Seconds>& own, Seconds usual) {
      return write_duration(own.value_or(usual)) + (own ? ")" : ", of all)");
    };
    if (action.off) return {};
    if (action.passes && !limits_.passes) {
      return "passes: under greydaemon's rules one good retry makes a client known";
    }
    const Seconds min_resend = action.min_resend.value_or(limits_.min_resend);
    const Seconds window = action.window.value_or(limits_.window);
    if (window <= min_resend) {
      return "the window (" + text_of(action.window, limits_.window) +
             " must be longer than min-resend (" + text_of(action.min_resend, limits_.min_resend);
    }
    if (window > limits_.longest_window) {
      return "the window (" + write_duration(window) + ") is longer than what waits is kept (" +
             write_duration(limits_.longest_window) + ": --timeout-days)";
    }
    return {};
  }

  // Calls visit() with each path of the rule in path_.
  template <typename Visit>
  void for_each_path(const std::vector<RuleEntry>& who, Visit visit) {
    if (path_.size() == who.size()) return visit();
    const RuleEntry& entry = who[path_.size()];
    for (std::size_t i = 0; i < entry.texts.size(); ++i) {
      path_.push_back(entry.key(i));
      for_each_path(who, visit);
      path_.pop_back();
    }
  }

  // The line of the first rule before that names somebody whom this one names, if those before
  // leave it nobody.
  std::optional<std::uint32_t> first_that_holds(const std::vector<RuleEntry>& who) {
    std::uint32_t first = kNone;
    bool left = false;
    for_each_path(who, [&] {
      if (left) return;
      walk_.begin(list_.index_);
      for (const RuleKey& key : path_) {
        keys_.that_hold(key, list_.index_.shapes());
        walk_.step(keys_.all());
      }
      left = walk_.rule() == kNone;
      first = std::min(first, walk_.rule());
    });
    if (left) return std::nullopt;
    return list_.rules_[first].line;
  }

  std::uint32_t index_of(RuleAction&& action) {
    const auto next = std::uint32_t(book_.actions.size());
    const auto [place, is_new] = actions_.try_emplace(to_string(action), next);
    if (is_new) book_.actions.push_back(std::move(action));
    return place->second;
  }

  const RuleLimits limits_;
  const DomainNetworks& networks_of_;
  RuleList list_;
  MatchedRule::Book book_;
  std::unordered_map<std::string, std::uint32_t> actions_;  // in the book, by their text
  std::vector<RuleKey> path_;
  RuleKeys keys_;
  RuleIndex::Walk walk_;
};

Result<RuleList> RuleList::parse(std::string_view text, std::string_view name,
                                 const RuleLimits& limits) {
  auto list = read(text, name, limits, {});
  if (list && !list->domains_.empty()) {
    list->source_ = std::make_shared<const Source>(Source{std::string(text), limits});
  }
  return list;
}

Result<RuleList> RuleList::with_networks(const DomainNetworks& networks_of) const {
  if (!source_) return *this;
  auto list = read(source_->text, file(), source_->limits, networks_of);
  if (list) list->source_ = source_;
  return list;
}

Result<RuleList> RuleList::read(std::string_view text, std::string_view name,
                                const RuleLimits& limits, const DomainNetworks& networks_of) {
  Reader reader(name, limits, networks_of);
  ListLines lines(text);
  while (const auto line = lines.next()) {
    if (auto good = reader.add(*line); !good) return tl::make_unexpected(good.error());
  }
  return reader.finish();
}

std::size_t RuleList::memory() const {
  return rules_.capacity() * sizeof(Rule) + index_.memory() +
         (book_ ? book_->actions.capacity() * sizeof(RuleAction) : 0);
}

// ---- asking ------------------------------------------------------------------------------------

void RuleList::ask(const Ip& client, std::string_view name, std::string_view sender,
                   Asked& asked) const {
  asked.index_ = &index_;
  RuleIndex::Walk& walk = asked.walk_;
  RuleKeys& keys = asked.keys_;
  walk.begin(index_);
  walk.step_address(client);
  // The IPv4 host that a translator has written into the address, too.
  if (const auto host = client.translated()) walk.step_address(*host);
  keys.of_name(name, index_.shapes());
  walk.step(keys.all());
  keys.of_mailbox(RuleKind::sender, sender, index_.shapes());
  walk.step(keys.all());
}

std::uint32_t RuleList::Asked::rule_for(std::string_view recipient) {
  keys_.of_mailbox(RuleKind::recipient, recipient, index_->shapes());
  return walk_.rule_after(keys_.all());
}

}  // namespace grey
