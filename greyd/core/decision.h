// What a query is answered with, and what there is to tell of why. Decided in the core, once: who
// tells it to an SMTP server or to a log adds nothing to it, and needs no policy.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "greyd/core/policy.h"
#include "greyd/core/suspicion.h"
#include "greyd/lists/address_list.h"
#include "greyd/lists/rule_action.h"
#include "greyd/wire/wire.h"

namespace grey {

struct Decision {
  wire::Reason reason = wire::Reason::error;
  // What the asker is to do. In a dry run it accepts; the reason is then what it would be without,
  // and verdict_of(reason) says which verdict that would have had.
  wire::Verdict verdict = wire::Verdict::defer;
  // How long until a retry is not early: of the triplet that decided. Nothing where no retry helps,
  // or nobody knows which.
  std::optional<Seconds> wait{};
  // Seconds since the triplet that decided was first seen (new, early, stale, passed, bounce), or
  // since it or the client was last seen (known), or since the bounce was first accepted (bounce
  // that is asked about again). 0 for the lists.
  Seconds age = 0;
  // passed, bounce: another query about a message that has passed already. It earned nothing.
  bool again = false;
};

// A decision with what it rests on.
struct Decided : Decision {
  // whitelisted, blacklisted: the list's entry that decided; where it took one for each recipient,
  // that for the first.
  Matched matched{};
  // The rule under which the recipient fell that decided; the usual terms where there is none.
  MatchedRule rule{};
  // As which pool (pools.h) the client was judged: "spf:example.com"; empty: as itself.
  std::string pool{};
  // How many messages the client has written to traps, where it waits longer for them.
  unsigned traps = 0;
  // Of who is deferred by what is stored of it, or not: by what it is suspect.
  Suspicions suspicions{};
  bool dry_run = false;

  // What a client is told that must wait; empty: the usual text. Lives as long as this.
  std::string_view text() const { return rule ? std::string_view(rule.action->text) : ""; }
};

// The decision of that reason on a triplet that has waited for `age` of `min_resend`.
constexpr Decision decision_of(wire::Reason reason, Seconds age, Seconds min_resend) {
  Decision decision;
  decision.reason = reason;
  decision.verdict = verdict_of(reason);
  decision.age = age;
  if (reason == wire::Reason::early) {
    decision.wait = std::max<Seconds>(min_resend - age, 0);
  } else if (reason == wire::Reason::new_triplet || reason == wire::Reason::stale) {
    decision.wait = min_resend;
  }
  return decision;
}

constexpr Decision again(Decision decision) {
  decision.again = true;
  return decision;
}

// What is told under the policy, of what is decided.
constexpr void tell_under(const Policy& policy, Decision& decision) {
  if (policy.dry_run) decision.verdict = wire::Verdict::accept;
}
inline void tell_under(const Policy& policy, Decided& decided) {
  decided.dry_run = policy.dry_run;
  tell_under(policy, static_cast<Decision&>(decided));
}

// What is told of a question that cannot be decided, as it cannot be read, say: come again.
constexpr Decision undecided_under(const Policy& policy) {
  Decision decision;
  tell_under(policy, decision);
  return decision;
}

}  // namespace grey
