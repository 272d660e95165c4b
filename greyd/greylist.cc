#include "greyd/greylist.h"

#include <algorithm>
#include <utility>

#include "greyd/greydaemon.h"

namespace grey {
namespace {

using wire::Reason;
using wire::Verdict;

// A stamp in the future comes from a clock that is wrong, or was: it counts as now.
Seconds age_of(Seconds seen, Seconds now) {
  return std::max<Seconds>(now - seen, 0);
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

Decision again(Decision decision) {
  decision.again = true;
  return decision;
}

// What a query with several recipients reports when it is accepted: a good retry is news.
bool says_more(Reason reason, Reason than) {
  return (reason == Reason::passed || reason == Reason::bounce) && than == Reason::known;
}

// Of a query without any, an empty one: nothing is stored of it.
std::string_view first_of(const wire::Recipients& recipients) {
  return recipients.size() == 0 ? std::string_view() : *recipients.begin();
}

// The entry that names the client or the sender of the query, or its recipients: `any` of them, or
// each.
Matched find_entry(const AddressList& list, const wire::Query& query, RecipientRule rule) {
  // Nearly no client is on a list: which entry it is costs the others nothing.
  const Client& client = query.client;
  const Ip address = client.has_address() ? client.ip : greydaemon::listed_as(*client.name);
  if (list.has_client(address)) return list.find_client(address);
  if (Matched entry = list.find_client_name(query.client_name)) return entry;
  if (Matched entry = list.find_sender(query.sender)) return entry;
  if (!list.has_recipient_entries()) return {};
  Matched first;
  for (const std::string_view recipient : query.recipients) {
    Matched entry = list.find_recipient(recipient);
    if (!entry && rule == RecipientRule::all) return {};
    if (!first) first = std::move(entry);
    if (first && rule == RecipientRule::any) break;
  }
  return first;
}

}  // namespace

Greylist::Greylist(const Policy& policy, std::size_t max_records, const HashKey& hash_key)
    : policy_(policy), table_(max_records, hash_key), restored_keys_(policy) {}

void Greylist::decide(std::span<const wire::Query> batch, const Lists& lists, Seconds now,
                      std::span<Decided> decisions) {
  prepare(batch, lists);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    now_deciding_ = &prepared_[i];
    Decided& decided = decisions[i];
    decided.matched = {};
    if (!by_lists(batch[i], lists, decided)) {
      static_cast<Decision&>(decided) = decide_one(batch[i], lists, now);
    }
    tell_under(policy_, decided);
  }
}

// Builds and hashes the keys, and asks for the memory that the decisions will read: first where the
// records are named, then the records.
void Greylist::prepare(std::span<const wire::Query> batch, const Lists& lists) {
  if (prepared_.size() < batch.size()) prepared_.resize(batch.size(), {KeyBuilder(policy_)});
  const NetworkSet& whitelist = lists.whitelist.clients();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Prepared& prepared = prepared_[i];
    prepared.keys.envelope(batch[i].client, batch[i].sender);
    prepared.client_hash = table_.hash(prepared.keys.client());
    prepared.first_hash = table_.wide_hash(prepared.keys.triplet(first_of(batch[i].recipients)));
    table_.prefetch_bucket(prepared.client_hash);
    table_.prefetch_bucket(Table::Hash(prepared.first_hash));
    whitelist.prefetch_index(batch[i].client.ip);
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    table_.prefetch_slot(prepared_[i].client_hash);
    table_.prefetch_slot(Table::Hash(prepared_[i].first_hash));
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    table_.prefetch_record(prepared_[i].client_hash);
    table_.prefetch_record(Table::Hash(prepared_[i].first_hash));
    whitelist.prefetch_range(batch[i].client.ip);
  }
}

// The key of a recipient of the query being decided. That of the first is there from prepare().
Greylist::HashedKey Greylist::triplet_key(std::string_view recipient, bool first) {
  KeyBuilder& keys = now_deciding_->keys;
  if (first) return {keys.last_triplet(), now_deciding_->first_hash};
  const std::string_view key = keys.triplet(recipient);
  return {key, table_.wide_hash(key)};
}

// What no list decides.
Decision Greylist::decide_one(const wire::Query& query, const Lists& lists, Seconds now) {
  if (query.probe) return because(Reason::new_triplet);
  if (const auto decision = known_client(now)) return *decision;
  const bool told_apart = query.question != 0 && tells_questions_apart();
  if (told_apart) {
    if (const Decision* first = questions_.find(query.question, now, kOneAttempt)) return *first;
  }
  const Decision decision = policy_.personality == Personality::greydaemon
                                ? by_triplets_greydaemon(query, now)
                                : by_triplets(query, lists, now);
  if (told_apart && verdict_of(decision.reason) == Verdict::defer) {
    questions_.remember(query.question, decision, now);
  }
  return decision;
}

bool Greylist::by_lists(const wire::Query& query, const Lists& lists, Decided& decided) const {
  if (Matched entry = find_entry(lists.blacklist, query, RecipientRule::any)) {
    decided = {because(Reason::blacklisted), std::move(entry)};
    return true;
  }
  if (Matched entry = find_entry(lists.whitelist, query, policy_.recipients)) {
    decided = {because(Reason::whitelisted), std::move(entry)};
    return true;
  }
  return false;
}

std::optional<Decision> Greylist::known_client(Seconds now) {
  if (policy_.client_passes == 0) return std::nullopt;
  const Table::Ref ref = table_.find(now_deciding_->keys.client(), now_deciding_->client_hash);
  if (ref == 0) return std::nullopt;
  const RecordView client = table_.view(ref);
  if (!counts(client, now)) {
    table_.erase(ref);
    return std::nullopt;
  }
  if (client.passes < policy_.client_passes) return std::nullopt;
  touch(ref, client, now);
  return because(Reason::known, age_of(client.seen, now));
}

Decision Greylist::by_triplets(const wire::Query& query, const Lists& lists, Seconds now) {
  const bool bounce = now_deciding_->keys.null_sender();
  if (bounce && has_passed(query, now)) return again(because(Reason::bounce));
  std::optional<Decision> accepted, deferred;
  bool passed = false;
  named_.begin(query.recipients.size());
  good_retries_.clear();
  bool first = true;
  for (const std::string_view recipient : query.recipients) {
    const HashedKey key = triplet_key(recipient, std::exchange(first, false));
    // Under `all` a listed recipient among others counts for itself alone.
    if (policy_.recipients == RecipientRule::all && lists.whitelist.has_recipient(recipient)) {
      continue;
    }
    if (!named_.insert(key.wide_hash)) continue;
    const Decision decision = triplet(key, bounce, now);
    passed |= decision.reason == Reason::passed;
    if (decision.reason == Reason::bounce && !decision.again) good_retries_.push_back(recipient);
    if (verdict_of(decision.reason) == Verdict::accept) {
      if (!accepted || says_more(decision.reason, accepted->reason)) accepted = decision;
    } else if (!deferred || nearness(decision.reason) > nearness(deferred->reason)) {
      deferred = decision;
    }
  }
  const bool new_message = passed && is_new_message(query, now);
  if (new_message) earn_pass(now);
  const bool accept = policy_.recipients == RecipientRule::any ? accepted.has_value() : !deferred;
  if (!accept) return *deferred;
  if (!accepted) return because(Reason::whitelisted);
  if (accepted->reason == Reason::bounce) {
    keep_bounces(now);
    accepted->again = good_retries_.empty() || (query.message != 0 && !is_new_message(query, now));
  } else if (passed) {
    accepted->again = !new_message;
  }
  return *accepted;
}

// One recipient of a query that no list and no known client decides.
Decision Greylist::triplet(const HashedKey& key, bool bounce, Seconds now) {
  const Table::Ref ref = table_.find(key.key, key.hash());
  if (ref == 0) {
    insert({key.key, now, RecordClass::waiting, 0}, key.hash());
    return because(Reason::new_triplet);
  }
  const RecordView record = table_.view(ref);
  if (!counts(record, now)) {
    update(ref, RecordClass::waiting, now, 0);
    return because(Reason::new_triplet);
  }
  if (record.record_class != RecordClass::waiting) return passed_before(ref, record, bounce, now);
  const Decision decision = retry(ref, now);
  if (decision.reason != Reason::passed) return decision;
  // A bounce is a message of its own: it says nothing of the client.
  if (bounce) return because(Reason::bounce, decision.age);
  update(ref, RecordClass::passed, now, 0);
  return decision;
}

Decision Greylist::passed_before(Table::Ref ref, const RecordView& record, bool bounce,
                                 Seconds now) {
  const Decision known = because(Reason::known, age_of(record.seen, now));
  if (record.record_class == RecordClass::passed) {
    touch(ref, record, now);
    return known;
  }
  // Where the key has no sender, others may come upon an accepted bounce.
  return bounce ? again(because(Reason::bounce, known.age)) : known;
}

// The good retries of a bounce that is accepted: they stay good for a while.
void Greylist::keep_bounces(Seconds now) {
  for (const std::string_view recipient : good_retries_) {
    const Table::Ref ref = table_.find(now_deciding_->keys.triplet(recipient));
    if (ref == 0 || table_.view(ref).record_class != RecordClass::waiting) continue;
    update(ref, RecordClass::bounce, now, 0);
  }
}

// Of a bounce to several Postfix names no recipient at DATA any more. Where it has asked at RCPT,
// too, and one of them passed, there is nothing left to ask.
bool Greylist::has_passed(const wire::Query& query, Seconds now) const {
  return query.message != 0 && query.recipients.size() == 1 &&
         (*query.recipients.begin()).empty() &&
         messages_.find(query.message, now, kMessageLife) != nullptr;
}

// Whether no query before has been a good retry of this message. A front that asks once for each
// recipient may say which message it is; else what comes of one client and sender at one moment
// counts as one.
bool Greylist::is_new_message(const wire::Query& query, Seconds now) {
  const bool told = query.message != 0;
  const std::uint64_t id =
      told ? query.message : table_.wide_hash(now_deciding_->keys.sender_prefix());
  if (messages_.find(id, now, told ? kMessageLife : kOneMessage) != nullptr) return false;
  messages_.remember(id, {}, now);
  return true;
}

// A waiting triplet is tried again: early, passed or stale.
Decision Greylist::retry(Table::Ref ref, Seconds now) {
  const Seconds seen = table_.view(ref).seen;
  const Seconds age = age_of(seen, now);
  // The clock was set back, or is wrong: waiting from now on is right in either case.
  if (seen > now) update(ref, RecordClass::waiting, now, 0);
  if (age < policy_.min_resend) return because(Reason::early, age);
  if (age < policy_.resend_window) return because(Reason::passed, age);
  update(ref, RecordClass::waiting, now, 0);
  return because(Reason::stale, age);
}

// greydaemon's own rules, as observed. Every recipient must pass, and the last that is deferred
// gives the reason; where none is, as there are none, the query is accepted. Each good retry makes
// the client known, even when another recipient defers the query; a triplet is not marked as passed
// (the client is), so it goes stale by its first attempt. A null sender is accepted at the first
// recipient that is made for a bounce: those before it count as any, those after it not at all.
Decision Greylist::by_triplets_greydaemon(const wire::Query& query, Seconds now) {
  std::optional<Decision> deferred, accepted;
  bool bounce = false, first = true;
  for (const std::string_view recipient : query.recipients) {
    bounce = now_deciding_->keys.null_sender() && greydaemon::is_list_bounce(recipient);
    if (bounce) break;
    const HashedKey key = triplet_key(recipient, std::exchange(first, false));
    const Table::Ref ref = table_.find(key.key, key.hash());
    Decision decision = because(Reason::new_triplet);
    if (ref == 0) {
      insert({key.key, now, RecordClass::waiting, 0}, key.hash());
    } else {
      decision = retry(ref, now);
    }
    (decision.reason == Reason::passed ? accepted : deferred) = decision;
  }
  if (accepted) {
    accepted->again = !is_new_message(query, now);
    // Where one is enough there is nothing to count.
    if (!accepted->again || policy_.client_passes == 1) earn_pass(now);
  }
  if (bounce) return because(Reason::bounce);
  if (deferred) return *deferred;
  return accepted.value_or(again(because(Reason::passed)));
}

void Greylist::earn_pass(Seconds now) {
  if (policy_.client_passes == 0) return;
  const std::string_view key = now_deciding_->keys.client();
  const Table::Hash key_hash = now_deciding_->client_hash;
  const Table::Ref ref = table_.find(key, key_hash);
  if (ref == 0) {
    insert({key, now, RecordClass::client, 1}, key_hash);
    return;
  }
  const RecordView client = table_.view(ref);
  const unsigned passes = counts(client, now) ? client.passes + 1u : 1u;
  update(ref, RecordClass::client, std::max(client.seen, now),
         std::uint8_t(std::min(passes, 255u)));
}

// Last seen becomes now. The place among the old and young needs that only once in a while: it
// moves, and the change is noted, when a new thousandth of the timeout has begun, so that repeats
// cost no more than the look-up. A stamp after `now` stays: a clock that is slow for a while must
// not make what is known look long idle when it is right again.
void Greylist::touch(Table::Ref ref, const RecordView& record, Seconds now) {
  if (record.seen >= now) return;
  const Seconds granule = std::max<Seconds>(policy_.timeout / 1000, 1);
  if (record.seen / granule == now / granule) {
    table_.set_seen(ref, now);
  } else {
    update(ref, record.record_class, now, record.passes);
  }
}

void Greylist::insert(const RecordView& record, Table::Hash key_hash) {
  note(table_.insert(record, key_hash), Change::stored);
}

void Greylist::update(Table::Ref ref, RecordClass record_class, Seconds seen, std::uint8_t passes) {
  table_.update(ref, record_class, seen, passes);
  note(ref, Change::stored);
}

void Greylist::note(Table::Ref ref, Change change) {
  if (changes_ == nullptr) return;
  std::optional<SavedRecord> record = to_saved(table_.view(ref));
  if (!record) return;
  record->change = change;
  changes_->note(*record);
}

bool Greylist::is_over(const RecordView& record, Seconds now) const {
  const auto life = [&] {
    switch (record.record_class) {
      case RecordClass::waiting:
        return policy_.waiting_life();
      case RecordClass::bounce:
        return kBounceLife;
      default:
        return policy_.timeout;
    }
  };
  return now - record.seen >= life();
}

}  // namespace grey
