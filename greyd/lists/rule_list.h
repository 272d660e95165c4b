// The operator's rules: greylisting off, on, or on other terms, for some (greylist.rules(5)).
//
// One rule a line, WHO... ACTION...; the first that names who is asked about decides. '#' starts a
// comment; blank lines are skipped:
//
//   to:postmaster@                    off
//   to:@example.com                   off
//   192.0.2.0/24 @example.org         min-resend 1m window 24h passes 2
//   .example.net                      on text "Try again in %t, please"
//   *                                 off
//
// WHO is entries of a list (address_list.h): a client's address or network, a client's verified
// name, a sender, `to:` a recipient. Of each kind one at most; all must match. `*` is everybody.
// ACTION is `off`, or any of `on`, `min-resend DURATION`, `window DURATION`, `passes NUMBER` and
// `text "TEXT"`, each once. DURATION is duration.h's; in quotes \" and \\ are " and \.
//
// A rule holds for one recipient of a message, not for the message.
// Pure: reads no file; see lists.h.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/error.h"
#include "greyd/base/seconds.h"
#include "greyd/lists/rule_action.h"
#include "greyd/lists/rule_index.h"
#include "greyd/lists/rule_keys.h"
#include "greyd/lists/rule_line.h"
#include "greyd/wire/ip.h"

namespace grey {

// As it could be written: "min-resend 1m window 24h".
std::string to_string(const RuleAction& action);

// What holds where a rule says nothing, and what it may say.
struct RuleLimits {
  Seconds min_resend = 0, window = 0;
  Seconds longest_window = 0;  // what waits is forgotten then
  bool passes = true;          // may be said
};

class RuleList {
 public:
  static constexpr std::size_t kMaxLine = 4096;      // octets
  static constexpr std::size_t kMaxNetworks = 1024;  // that one entry may stand for

  // Reads all or none: the first bad line is the error, "NAME:LINE: what is wrong". Bad is also
  // what can never come to pass: a window that is over before a retry is good, a rule that an
  // earlier one leaves nobody.
  static Result<RuleList> parse(std::string_view text, std::string_view name,
                                const RuleLimits& limits);

  // Of its `spf:` entries the domains, as the DNS has them; each once, in order.
  const std::vector<std::string>& domains() const { return domains_; }
  // The same rules, whose `spf:` entries stand for these networks; parse() knows none. It may take
  // as long as that. An error where they are too many for it.
  Result<RuleList> with_networks(const DomainNetworks& networks_of) const;

  bool empty() const { return rules_.empty(); }
  std::size_t size() const { return rules_.size(); }
  std::string_view file() const { return book_ ? std::string_view(book_->file) : ""; }
  // Octets, but for what is text: that of entries and of deferrals.
  std::size_t memory() const;
  // Whether it is off for all, where nobody knows what they are of that kind: no rule before it
  // that names somebody by one leaves it on. REQUIRES: the rule says off, and names nobody so.
  bool is_off_for_all(std::uint32_t rule, RuleKind unknown) const {
    return rule < first_on_[std::size_t(unknown)];
  }
  // Whether a rule that names somebody by one of that kind leaves it on for him.
  bool leaves_some_on(RuleKind kind) const { return first_on_[std::size_t(kind)] != kNone; }
  // The shortest min-resend of all that say one.
  std::optional<Seconds> shortest_min_resend() const { return shortest_min_resend_; }

  // A query as rules see it: what its client and its sender have in common for all its recipients
  // is looked up once. Reused for the next one; the list must outlive it.
  class Asked {
   public:
    // The number of the rule that names it with that recipient; kNone where none does.
    std::uint32_t rule_for(std::string_view recipient);

   private:
    friend class RuleList;
    const RuleIndex* index_ = nullptr;
    RuleIndex::Walk walk_;
    RuleKeys keys_;
  };
  // `name`: the client's verified one; empty: none.
  void ask(const Ip& client, std::string_view name, std::string_view sender, Asked& asked) const;

  static constexpr std::uint32_t kNone = RuleIndex::kNone;
  // Of the rule of that number. REQUIRES: this list has it.
  const RuleAction& action(std::uint32_t rule) const { return book_->actions[rules_[rule].action]; }
  MatchedRule matched(std::uint32_t rule) const {
    return {book_, &action(rule), rules_[rule].line};
  }

 private:
  class Reader;
  struct Rule {
    std::uint32_t line;
    std::uint32_t action;  // index in the book
  };

  // Read once more when networks are known.
  struct Source {
    std::string text;
    RuleLimits limits;
  };

  static Result<RuleList> read(std::string_view text, std::string_view name,
                               const RuleLimits& limits, const DomainNetworks& networks_of);

  std::shared_ptr<const MatchedRule::Book> book_;
  std::shared_ptr<const Source> source_;  // absent: it has no `spf:` entries
  std::vector<std::string> domains_;
  std::vector<Rule> rules_;
  RuleIndex index_;
  std::optional<Seconds> shortest_min_resend_;
  // Of the rules that name somebody by a kind and do not say off, the first; kNone: there is none.
  std::array<std::uint32_t, kRuleKinds> first_on_{kNone, kNone, kNone, kNone};
};

}  // namespace grey
