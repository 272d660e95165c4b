#include "greyd/core/rules.h"

namespace grey::rules {
namespace {

using wire::Reason;
using wire::Verdict;
using Act = Effect::Act;

Effect store(RecordClass record_class, Seconds seen, unsigned passes = 0) {
  return {Act::store, {record_class, seen, std::uint8_t(std::min(passes, 255u))}};
}

// A stamp after `now` stays: a clock that is slow for a while must not make what is known look long
// idle when it is right again.
Effect touch(RecordState record, Seconds now) {
  if (record.seen >= now) return {};
  record.seen = now;
  return {Act::touch, record};
}

unsigned passes_of(const RecordState& client) {
  return client.record_class == RecordClass::client ? client.passes : 0;
}

Judgement first_attempt(const Terms& terms, Seconds now) {
  return {decision_of(Reason::new_triplet, 0, terms.min_resend), store(RecordClass::waiting, now)};
}

// A triplet is tried again that waits, or counts as if it did. After a good retry it goes on
// waiting.
Judgement judge_retry(Seconds first_seen, const Terms& terms, Seconds now) {
  const Seconds age = age_of(first_seen, now);
  const auto because = [&](Reason reason) { return decision_of(reason, age, terms.min_resend); };
  const Effect begin_anew = store(RecordClass::waiting, now);
  // The clock was set back, or is wrong: waiting from now on is right in either case.
  const Effect wait_on = first_seen > now ? begin_anew : Effect{};
  switch (retry_at(age, terms)) {
    case Retry::early:
      return {because(Reason::early), wait_on};
    case Retry::good:
      return {because(Reason::passed), wait_on};
    case Retry::stale:
      break;
  }
  return {because(Reason::stale), begin_anew};
}

// Which reason a deferred query reports: the one nearest to passing.
int nearness(Reason reason) {
  switch (reason) {
    case Reason::early:
      return 3;
    case Reason::stale:
      return 2;
    default:
      return 1;
  }
}

// What a query with several recipients reports when it is accepted: a good retry is news.
bool says_more(Reason reason, Reason than) {
  return (reason == Reason::passed || reason == Reason::bounce) &&
         (than == Reason::known || than == Reason::reply);
}

}  // namespace

// ---- times -------------------------------------------------------------------------------------

bool is_over(const RecordState& record, const Terms& terms, Seconds now) {
  const auto life = [&] {
    switch (record.record_class) {
      case RecordClass::waiting:
        return terms.waiting_life();
      case RecordClass::bounce:
        return kBounceLife;
      case RecordClass::sent:
        return terms.replies;
      default:
        return terms.timeout;
    }
  };
  return now - record.seen >= life();
}

// ---- judgements --------------------------------------------------------------------------------

ClientJudgement judge_client(const Stored& stored, const Terms& terms, Seconds now, Expiry expiry) {
  if (terms.client_passes == 0 || !stored) return {};
  if (!counts(*stored, terms, now, expiry)) return {{}, {Act::erase}};
  if (passes_of(*stored) < terms.client_passes) return {};
  return {decision_of(Reason::known, age_of(stored->seen, now), terms.min_resend),
          touch(*stored, now)};
}

Judgement judge_triplet(const Stored& stored, const Terms& terms, Seconds now, Expiry expiry) {
  if (!stored || !counts(*stored, terms, now, expiry)) return first_attempt(terms, now);
  if (stored->record_class == RecordClass::waiting) {
    Judgement judged = judge_retry(stored->seen, terms, now);
    if (judged.decision.reason == Reason::passed) judged.effect = store(RecordClass::passed, now);
    return judged;
  }
  const Decision known = decision_of(Reason::known, age_of(stored->seen, now), terms.min_resend);
  // Where the key has no sender, others may come upon an accepted bounce: it stays what it is.
  if (stored->record_class == RecordClass::bounce) return {known, {}};
  return {known, touch(*stored, now)};
}

Judgement judge_bounce(const Stored& stored, const Terms& terms, Seconds now, Expiry expiry) {
  if (!stored || !counts(*stored, terms, now, expiry)) return first_attempt(terms, now);
  const auto as_bounce = [&](const Decision& decision) {
    return decision_of(Reason::bounce, decision.age, terms.min_resend);
  };
  if (stored->record_class == RecordClass::waiting) {
    Judgement judged = judge_retry(stored->seen, terms, now);
    // It is a message of its own: it says nothing of the client.
    if (judged.decision.reason == Reason::passed) judged.decision = as_bounce(judged.decision);
    return judged;
  }
  Judgement judged = judge_triplet(stored, terms, now, expiry);
  if (stored->record_class == RecordClass::bounce) {
    judged.decision = again(as_bounce(judged.decision));
  }
  return judged;
}

Judgement judge_greydaemon_triplet(const Stored& stored, const Terms& terms, Seconds now) {
  return stored ? judge_retry(stored->seen, terms, now) : first_attempt(terms, now);
}

Effect accepted_bounce(const Stored& stored, Seconds now) {
  if (!stored || stored->record_class != RecordClass::waiting) return {};
  return store(RecordClass::bounce, now);
}

Effect earned_pass(const Stored& stored, const Terms& terms, Seconds now, Expiry expiry) {
  if (terms.client_passes == 0) return {};
  if (!stored) return store(RecordClass::client, now, 1);
  const unsigned before = counts(*stored, terms, now, expiry) ? passes_of(*stored) : 0;
  return store(RecordClass::client, std::max(stored->seen, now), before + 1);
}

// ---- traps -------------------------------------------------------------------------------------

unsigned traps_of(const Stored& client, const Terms& terms, Seconds now, Expiry expiry) {
  const bool trapped = client && client->record_class == RecordClass::trapped;
  return trapped && counts(*client, terms, now, expiry) ? client->passes : 0;
}

Effect sprung_trap(const Stored& client, const Terms& terms, Seconds now, Expiry expiry) {
  const bool there = client && counts(*client, terms, now, expiry);
  if (there && client->record_class == RecordClass::client) return {};
  const unsigned before = traps_of(client, terms, now, expiry);
  if (before > 0 && age_of(client->seen, now) < kOneMessage) return {};
  return store(RecordClass::trapped, there ? std::max(client->seen, now) : now, before + 1);
}

Terms behind_traps(const Terms& terms, unsigned traps) {
  Terms longer = terms;
  if (traps == 0) return longer;
  const Seconds most = terms.resend_window - kBeforeStale;
  Seconds wait = std::max<Seconds>(terms.min_resend, 60);
  for (; traps > 0 && wait < most; --traps) wait *= 2;
  longer.min_resend = std::max(terms.min_resend, std::min(wait, most));
  return longer;
}

// ---- replies -----------------------------------------------------------------------------------

std::optional<Decision> judge_reply(const Stored& stored, const Terms& terms, Seconds now,
                                    Expiry expiry) {
  if (terms.replies == 0 || !stored || !counts(*stored, terms, now, expiry)) return std::nullopt;
  return decision_of(Reason::reply, age_of(stored->seen, now), terms.min_resend);
}

Effect told_sent(const Stored& stored, Seconds at) {
  return stored ? touch(*stored, at) : store(RecordClass::sent, at);
}

// ---- several recipients ------------------------------------------------------------------------

void Summary::add(const Decision& decision, std::size_t recipient, std::optional<PoolKind> pool) {
  passed_ |= decision.reason == Reason::passed;
  if (verdict_of(decision.reason) == Verdict::accept) {
    if (!accepted_ || says_more(decision.reason, accepted_->reason))
      accepted_ = Of{decision, recipient, pool};
  } else if (!deferred_ || nearness(decision.reason) > nearness(deferred_->reason)) {
    deferred_ = Of{decision, recipient, pool};
  }
}

std::optional<Summary::Of> Summary::decision(RecipientRule rule) const {
  if (rule == RecipientRule::any) return accepted_ ? accepted_ : deferred_;
  return deferred_ ? deferred_ : accepted_;
}

// ---- two records of one key --------------------------------------------------------------------

bool stands_before(const RecordState& next, const RecordState& stored, const Terms& terms) {
  const bool next_is_later = next.seen >= stored.seen;
  const RecordState& earlier = next_is_later ? stored : next;
  const RecordState& later = next_is_later ? next : stored;
  if (is_over(earlier, terms, later.seen)) return next_is_later;
  if (earlier.record_class != later.record_class) {
    return next.record_class > stored.record_class;
  }
  // Seen again before it is stale, it has waited since it was seen first.
  const bool begun_anew = retry_at(later.seen - earlier.seen, terms) == Retry::stale;
  const bool later_stands = later.record_class != RecordClass::waiting || begun_anew;
  return later_stands == next_is_later;
}

RecordState joined(const RecordState& next, const RecordState& stored, const Terms& terms) {
  RecordState one = stands_before(next, stored, terms) ? next : stored;
  const bool clients = is_of_client(next.record_class) && next.record_class == stored.record_class;
  const RecordState& earlier = next.seen < stored.seen ? next : stored;
  if (!clients || is_over(earlier, terms, std::max(next.seen, stored.seen))) return one;
  one.passes = std::max(next.passes, stored.passes);
  return one;
}

}  // namespace grey::rules
