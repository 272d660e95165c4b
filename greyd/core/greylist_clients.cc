// Greylist's clients: who is known, by itself or as one of a pool by SPF, who becomes it, and who
// has written to a trap.
#include <algorithm>

#include "greyd/core/greylist.h"

namespace grey {

// What a known client comes to, or one of a pool by SPF that is known. From here on `client_`,
// `pool_client_` and what is prepared of pools are that query's.
std::optional<Greylist::Judged> Greylist::by_client(const Question& question) {
  if (auto known = known_as(question, client_key(question), client_, {})) return known;
  if (finder_ == nullptr) return std::nullopt;
  Prepared& prepared = question.prepared;
  if (!prepared.has_pools) prepared.find_pools(*finder_, question.query, question.now, table_);
  if (!prepared.pools.has(PoolKind::spf)) return std::nullopt;
  return known_as(question, pool_client_key(question), pool_client_, PoolKind::spf);
}

// Known to one recipient, or to all, as the policy wants it.
std::optional<Greylist::Judged> Greylist::known_as(const Question& question, const HashedKey& key,
                                                   rules::Stored& stored,
                                                   std::optional<PoolKind> pool) {
  const Found client = find(key);
  stored = client.stored;
  if (!rules_.any_passes()) {
    const auto judged = rules::judge_client(stored, policy_, question.now, expiry_);
    apply(judged.effect, client.ref, key);
    if (!judged.known) return std::nullopt;
    return Judged{*judged.known, Judged{}.recipient, pool};
  }
  std::optional<Judged> known;
  bool to_all = true;
  rules::Effect effect;  // the same for each to whom there is one
  std::size_t next = 0;
  for (const std::string_view recipient : question.query.recipients) {
    const std::size_t number = next++;
    if (counts_for_itself(question, recipient, number)) continue;
    const auto judged = judge_client(stored, question, number);
    if (judged.effect != rules::Effect()) effect = judged.effect;
    to_all &= judged.known.has_value();
    if (judged.known && !known) known = Judged{*judged.known, number, pool};
  }
  apply(effect, client.ref, key);
  return to_all || policy_.recipients == RecipientRule::any ? known : std::nullopt;
}

// What a client is to that recipient.
rules::ClientJudgement Greylist::judge_client(const rules::Stored& client, const Question& question,
                                              std::size_t number) const {
  return rules::judge_client(client, rules_.terms(policy_, number), question.now, expiry_);
}

// What the client, or its pool by SPF, is to that recipient, if it is known to it.
bool Greylist::add_if_known(const Question& question, std::size_t number,
                            rules::Summary& summary) const {
  if (const auto known = judge_client(client_, question, number).known) {
    summary.add(*known, number);
    return true;
  }
  if (!question.prepared.pools.has(PoolKind::spf)) return false;
  const auto known = judge_client(pool_client_, question, number).known;
  if (known) summary.add(*known, number, PoolKind::spf);
  return known.has_value();
}

void Greylist::earn_pass(const Question& question, const Terms& terms) {
  const HashedKey key = client_key(question);
  const Found client = find(key);
  apply(rules::earned_pass(client.stored, terms, question.now, expiry_), client.ref, key);
}

// ---- traps -------------------------------------------------------------------------------------

namespace {

bool is_trap(const Lists& lists, std::string_view recipient) {
  return lists.blocked.find_trap(recipient) || lists.blacklist.find_trap(recipient);
}

bool has_traps(const Lists& lists) {
  return lists.blacklist.has_trap_entries() || lists.blocked.has_trap_entries();
}

}  // namespace

// Whether traps speak against the client, which is not known, whatever else does not: it writes to
// one, or has.
bool Greylist::is_for_traps(const Question& question) const {
  if (rules::traps_of(client_, policy_, question.now, expiry_) > 0) return true;
  if (!has_traps(question.lists) || question.prepared.keys.null_sender()) return false;
  const wire::Recipients& recipients = question.query.recipients;
  return std::any_of(recipients.begin(), recipients.end(), [&](std::string_view recipient) {
    return is_trap(question.lists, recipient);
  });
}

// Whether it begins to write to one: a message that is tried again is the same.
bool Greylist::springs_trap(const Question& question) {
  const Lists& lists = question.lists;
  if (!has_traps(lists)) return false;
  const wire::Recipients& recipients = question.query.recipients;
  return std::any_of(recipients.begin(), recipients.end(), [&](std::string_view recipient) {
    if (!is_trap(lists, recipient)) return false;
    const rules::Stored stored = find(triplet_key(question, recipient)).stored;
    return !stored || !rules::counts(*stored, policy_, question.now, expiry_) ||
           rules::retry_at(rules::age_of(stored->seen, question.now), policy_) ==
               rules::Retry::stale;
  });
}

// From here on `traps_` is that query's, whose client is not known. Bounces come to a trap whose
// address others have forged.
void Greylist::look_at_traps(const Question& question) {
  if (!question.prepared.keys.null_sender() && springs_trap(question)) {
    const HashedKey key = client_key(question);
    const Found client = find(key);
    const rules::Effect effect = rules::sprung_trap(client.stored, policy_, question.now, expiry_);
    apply(effect, client.ref, key);
    if (effect.act == rules::Effect::Act::store) client_ = effect.record;
  }
  traps_ = rules::traps_of(client_, policy_, question.now, expiry_);
}

}  // namespace grey
