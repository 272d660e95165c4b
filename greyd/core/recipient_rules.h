// The operator's rules (lists/rule_list.h) in a decision: what they say of each recipient of a
// query, and on which terms that leaves it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "greyd/core/policy.h"
#include "greyd/lists/rule_list.h"
#include "greyd/wire/wire.h"

namespace grey {

// What rules may say under the policy.
RuleLimits rule_limits(const Policy& policy);

// Of one query after the other. Recipients are numbers, from 0, in the query's order; what is none
// of them is named by no rule.
class RecipientRules {
 public:
  // As if there were no rules.
  void forget() {
    numbers_.clear();
    any_off_ = any_passes_ = false;
  }
  bool none() const { return numbers_.empty(); }
  // `rules` must outlive what is asked of this.
  void look_up(const RuleList& rules, const wire::Query& query);

  // Whether greylisting is off for that recipient.
  bool is_off(std::size_t recipient) const {
    const RuleAction* const says = action(recipient);
    return says != nullptr && says->off;
  }
  // Whether a rule leaves it on for that recipient of the query that was looked up, or for one that
  // it may stand for.
  bool is_on(const wire::Query& query, std::size_t number, std::string_view recipient) const;
  // Whether it is for any; whether a client is known to any after other than the usual passes.
  bool any_off() const { return any_off_; }
  bool any_passes() const { return any_passes_; }
  // What the recipient is to wait for.
  Terms terms(const Policy& policy, std::size_t recipient) const {
    return none() ? Terms(policy) : terms_of(policy, recipient);
  }
  // The same number for recipients of one rule, or of none.
  std::uint64_t terms_id(std::size_t recipient) const {
    constexpr std::uint64_t kFactor = 0x9e3779b97f4a7c15;
    return numbers_.empty() ? 0 : numbers_[recipient] * kFactor;
  }
  // The rule that names it; false where none does.
  MatchedRule matched(std::size_t recipient) const;

 private:
  Terms terms_of(const Policy& policy, std::size_t recipient) const;
  const RuleAction* action(std::size_t recipient) const {
    if (recipient >= numbers_.size() || numbers_[recipient] == RuleList::kNone) return nullptr;
    return &rules_->action(numbers_[recipient]);
  }

  bool is_off_for_all(std::uint32_t rule, std::string_view sender,
                      std::string_view recipient) const;

  const RuleList* rules_ = nullptr;
  std::vector<std::uint32_t> numbers_;  // of each recipient's rule; empty: no rule names any
  bool any_off_ = false, any_passes_ = false;
  RuleList::Asked asked_;
};

}  // namespace grey
