#include "greyd/core/recipient_rules.h"

#include "greyd/core/greydaemon.h"

namespace grey {

RuleLimits rule_limits(const Policy& policy) {
  return {policy.min_resend, policy.resend_window, policy.waiting_life(),
          policy.personality == Personality::qmail_greyd};
}

void RecipientRules::look_up(const RuleList& rules, const wire::Query& query) {
  rules_ = &rules;
  numbers_.clear();
  any_off_ = any_passes_ = false;
  if (rules.empty()) return;
  const Client& client = query.client;
  const Ip address = client.has_address() ? client.ip : greydaemon::listed_as(*client.name);
  rules.ask(address, query.client_name, query.sender, asked_);
  for (const std::string_view recipient : query.recipients) {
    numbers_.push_back(asked_.rule_for(recipient));
    const RuleAction* const says = action(numbers_.size() - 1);
    if (says == nullptr) continue;
    if (says->off && !is_off_for_all(query.sender, recipient)) {
      numbers_.back() = RuleList::kNone;
      continue;
    }
    any_off_ |= says->off;
    any_passes_ |= says->passes.has_value();
  }
}

// Who asks when the connection begins knows neither sender nor recipient, and Postfix names none of
// several at DATA. Whoever has it on must not lose it by that.
bool RecipientRules::is_off_for_all(std::string_view sender, std::string_view recipient) const {
  constexpr std::string_view kUnknown = "*";
  const std::uint32_t rule = numbers_.back();
  const bool any_recipient = recipient.empty() || recipient == kUnknown;
  return (!any_recipient || rules_->is_off_for_all(rule, RuleKind::recipient)) &&
         (sender != kUnknown || rules_->is_off_for_all(rule, RuleKind::sender));
}

Terms RecipientRules::terms(const Policy& policy, std::size_t recipient) const {
  Terms terms = policy;
  const RuleAction* const says = action(recipient);
  if (says == nullptr) return terms;
  terms.min_resend = says->min_resend.value_or(terms.min_resend);
  terms.resend_window = says->window.value_or(terms.resend_window);
  terms.client_passes = says->passes.value_or(terms.client_passes);
  return terms;
}

MatchedRule RecipientRules::matched(std::size_t recipient) const {
  return action(recipient) == nullptr ? MatchedRule() : rules_->matched(numbers_[recipient]);
}

}  // namespace grey
