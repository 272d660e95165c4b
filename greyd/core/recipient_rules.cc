#include "greyd/core/recipient_rules.h"

#include "greyd/core/greydaemon.h"

namespace grey {
namespace {

constexpr std::string_view kUnknown = "*";

// Whether nobody knows which one it is.
bool is_any(std::string_view recipient) {
  return recipient.empty() || recipient == kUnknown || wire::stands_for_others(recipient);
}

}  // namespace

RuleLimits rule_limits(const Policy& policy) {
  return {policy.min_resend, policy.resend_window, policy.waiting_life(),
          policy.personality == Personality::qmail_greyd};
}

void RecipientRules::look_up(const RuleList& rules, const wire::Query& query) {
  rules_ = &rules;
  forget();
  if (rules.empty()) return;
  const Client& client = query.client;
  const Ip address = client.has_address() ? client.ip : greydaemon::listed_as(*client.name);
  rules.ask(address, query.client_name, query.sender, asked_);
  for (const std::string_view recipient : query.recipients) {
    numbers_.push_back(asked_.rule_for(recipient));
    const RuleAction* const says = action(numbers_.size() - 1);
    if (says == nullptr) continue;
    // Of a great many the last that is asked about stands for those that are not.
    const bool for_others = query.unasked > 0 && numbers_.size() == query.recipients.size();
    const std::uint32_t rule = for_others ? asked_.rule_for("") : numbers_.back();
    if (says->off && !is_off_for_all(rule, query.sender, for_others ? "" : recipient)) {
      numbers_.back() = RuleList::kNone;
      continue;
    }
    any_off_ |= says->off;
    any_passes_ |= says->passes.has_value();
  }
}

// Whether `recipient`, whose rule that is, is off, whomever it stands for. Who asks when the
// connection begins knows neither sender nor recipient, Postfix names none of several at DATA, and
// the glue names one in place of those for whom there is no room. Whoever has it on must not lose
// it by that.
bool RecipientRules::is_off_for_all(std::uint32_t rule, std::string_view sender,
                                    std::string_view recipient) const {
  return rule != RuleList::kNone && rules_->action(rule).off &&
         (!is_any(recipient) || rules_->is_off_for_all(rule, RuleKind::recipient)) &&
         (sender != kUnknown || rules_->is_off_for_all(rule, RuleKind::sender));
}

bool RecipientRules::is_on(const wire::Query& query, std::size_t number,
                           std::string_view recipient) const {
  if (none()) return false;
  const RuleAction* const says = action(number);
  if (says != nullptr && !says->off) return true;
  const bool for_others = query.unasked > 0 && number + 1 == query.recipients.size();
  return ((for_others || is_any(recipient)) && rules_->leaves_some_on(RuleKind::recipient)) ||
         (query.sender == kUnknown && rules_->leaves_some_on(RuleKind::sender));
}

Terms RecipientRules::terms_of(const Policy& policy, std::size_t recipient) const {
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
