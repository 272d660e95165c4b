// Decisions as the core makes them, for tests of those who tell them.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "greyd/core/decision.h"

namespace grey::testing {

// Of a triplet that has waited for `age`, where min resend is 5 minutes.
inline Decision decided(wire::Reason reason, Seconds age = 0, const Policy& policy = {}) {
  Decision decision = decision_of(reason, age, policy.min_resend);
  tell_under(policy, decision);
  return decision;
}

// The same under a rule that has this text.
inline Decided under_text(Decided decision, std::string text) {
  auto book = std::make_shared<MatchedRule::Book>();
  book->actions.emplace_back().text = std::move(text);
  const RuleAction* const action = &book->actions.front();
  decision.rule = {std::move(book), action, 1};
  return decision;
}

inline Policy dry_run() {
  Policy policy;
  policy.dry_run = true;
  return policy;
}

}  // namespace grey::testing
