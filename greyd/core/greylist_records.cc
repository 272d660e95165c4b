// Greylist's records apart from decisions: how they become what a decision says, how they go when
// their time is over, and how they come back from a file.
#include <algorithm>
#include <type_traits>
#include <utility>

#include "greyd/core/greylist.h"

namespace grey {

// ---- effects -----------------------------------------------------------------------------------

Greylist::Found Greylist::find(const HashedKey& key) const {
  const Table::Ref ref = table_.find(key.key, key.hash());
  if (ref == 0) return {};
  return {ref, table_.view(ref).state()};
}

// `ref`: what find(key) says still.
void Greylist::apply(const rules::Effect& effect, Table::Ref ref, const HashedKey& key) {
  using Act = rules::Effect::Act;
  switch (effect.act) {
    case Act::leave:
      return;
    case Act::touch:
      return touch(ref, key, effect.record);
    case Act::store:
      return store(ref, key, effect.record);
    case Act::erase:
      return table_.erase(ref);
  }
}

// The place among the old and young needs that only once in a while: it moves, and the change is
// noted, when a new thousandth of the timeout has begun, so that repeats cost no more than the
// look-up.
void Greylist::touch(Table::Ref ref, const HashedKey& key, const RecordState& record) {
  const Seconds granule = std::max<Seconds>(policy_.timeout / 1000, 1);
  if (table_.view(ref).seen / granule == record.seen / granule) {
    table_.set_seen(ref, record.seen);
    return;
  }
  table_.update(ref, record.record_class, record.seen, record.passes, key.asker);
  note(ref);
}

void Greylist::store(Table::Ref ref, const HashedKey& key, const RecordState& record) {
  if (ref == 0) {
    ref = table_.insert({key.key, record.seen, record.record_class, record.passes}, key.hash(),
                        key.asker, network_of(key.client));
  } else {
    table_.update(ref, record.record_class, record.seen, record.passes, key.asker);
  }
  note(ref);
}

void Greylist::note(Table::Ref ref) {
  if (changes_ == nullptr && told_ == nullptr) return;
  if (const auto record = to_saved(table_.view(ref))) tell(*record);
}

void Greylist::tell(const SavedRecord& change) {
  if (changes_ != nullptr) changes_->note(change);
  if (told_ != nullptr) told_->note(change);
}

// `record`: as it is stored; its views are into the table.
void Greylist::forget(Table::Ref ref, SavedRecord record) {
  record.change = Change::forgotten;
  tell(record);
  table_.erase(ref);
}

// ---- attempts ----------------------------------------------------------------------------------

// What is decided of a triplet, which is as it was before still.
void Greylist::count_attempt(const Found& triplet, const Decision& decision, Seconds now) {
  using wire::Reason;
  if (attempts_ == nullptr) return;
  const bool waits = triplet.stored && triplet.stored->record_class == RecordClass::waiting;
  switch (decision.reason) {
    case Reason::new_triplet:
    case Reason::stale:
      if (waits) count_end(triplet.ref, now);
      return attempts_->began(now, known_suspicions());
    case Reason::early:
      if (!waits) return;
      return table_.set_mark(triplet.ref, attempts_->retried(triplet.stored->seen, decision.age,
                                                             table_.mark(triplet.ref)));
    case Reason::passed:
      if (!waits) return;
      if (const auto record = to_saved(table_.view(triplet.ref))) {
        attempts_->passed(*record, decision.age, table_.mark(triplet.ref), known_suspicions());
      }
      return table_.set_mark(triplet.ref, Attempts::kPassed);
    default:
      return;
  }
}

// A pool's is no attempt of its own: that is its member's.
void Greylist::count_end(Table::Ref waiting, Seconds now) {
  const RecordView record = table_.view(waiting);
  if (attempts_ == nullptr || is_pool_key(record.key)) return;
  const auto saved = to_saved(record);
  const bool known = saved && is_known_client(saved->client, now);
  attempts_->ended(record.seen, table_.mark(waiting), known);
}

bool Greylist::is_known_client(const Client& client, Seconds now) {
  restored_keys_.envelope(client, {});
  const std::string_view key = restored_keys_.client();
  const Found found = find({key, table_.wide_hash(key)});
  return rules::judge_client(found.stored, policy_, now, expiry_).known.has_value();
}

// ---- expiry ------------------------------------------------------------------------------------

std::size_t Greylist::expire(Seconds now, std::size_t limit) {
  if (expiry_ != Expiry::usual) return 0;
  ExpiryPass& pass = expiry_pass_;
  if (!std::exchange(pass.running, true)) {
    expiry_cursor_.start();
    pass.order = kOrders;
  }
  for (std::size_t done = 0; done < limit; ++done) {
    const Table::Ref ref = expiry_cursor_.next();
    if (ref == 0) {
      end_list();
      pass.running = false;
      return done;
    }
    const RecordView record = table_.view(ref);
    const RecordOrder order = table_.order(ref);
    if (order != pass.order) {
      end_list();
      begin_list(order);
    }
    if (is_over(record, now)) {
      expiry_cursor_.step();
      if (record.record_class == RecordClass::waiting) count_end(ref, now);
      table_.erase(ref);
    } else if (table_.disorders(order) == settled_[order]) {
      expiry_cursor_.skip_list();  // all that come behind are younger
      pass.order = kOrders;
    } else {
      if (!is_pool_key(record.key)) {  // see Table::append()
        pass.in_order &= record.seen >= pass.last;
        pass.last = record.seen;
      }
      expiry_cursor_.step();
    }
  }
  return limit;
}

void Greylist::begin_list(RecordOrder order) {
  expiry_pass_.order = order;
  expiry_pass_.disorders = table_.disorders(order);
  expiry_pass_.in_order = true;
  expiry_pass_.last = 0;
}

// The pass has looked at all of a list. When it found them in order, and nothing has come out of
// order since, the next pass may stop early again.
void Greylist::end_list() {
  const ExpiryPass& pass = expiry_pass_;
  if (pass.order == kOrders || !pass.in_order) return;
  const auto order = RecordOrder(pass.order);
  if (table_.disorders(order) == pass.disorders) settled_[order] = pass.disorders;
}

bool Greylist::has_over(Seconds then) const {
  for (RecordOrder order = 0; order < kOrders; ++order) {
    const Table::Ref oldest = table_.oldest(order);
    if (oldest != 0 && is_over(table_.view(oldest), then)) return true;
  }
  return false;
}

void Greylist::sort_by_age() {
  table_.sort_by_age();
  for (RecordOrder order = 0; order < kOrders; ++order) settled_[order] = table_.disorders(order);
}

// ---- records that come back --------------------------------------------------------------------

// Valid until the next call.
std::string_view Greylist::key_of(const SavedRecord& record) {
  if (record.client.is_sent()) return sent_key(record.sender, record.recipient).key;
  restored_keys_.envelope(record.client, record.sender);
  return is_of_client(record.record_class) ? restored_keys_.client()
                                           : restored_keys_.triplet(record.recipient);
}

// Its key is valid until the next call.
RecordView Greylist::view_of(const SavedRecord& record) {
  latest_restored_ = std::max(latest_restored_, record.seen);
  return {key_of(record), record.seen, record.record_class,
          std::uint8_t(std::min(record.passes, 255u))};
}

// greydaemon's rules know neither pools nor replies nor traps.
bool Greylist::is_ruled(const RecordView& record) const {
  return policy_.personality != Personality::greydaemon ||
         !(is_of_domain(record.key) || record.record_class == RecordClass::trapped);
}

bool Greylist::comes_back(const RecordView& record, Seconds now) {
  if (!is_ruled(record)) return false;
  // How long what was sent counts is an option of its own: it says nothing of the clock.
  const bool tells_time = record.record_class != RecordClass::sent;
  if (tells_time && is_over(record, now)) ++over_restored_;
  return rules::counts(record.state(), policy_, now, expiry_);
}

// The record that it is now; 0 when what is stored stands.
Table::Ref Greylist::put_back(const RecordView& view, Table::Hash key_hash) {
  const Table::Ref ref = table_.find(view.key, key_hash);
  if (ref == 0) return table_.insert(view, key_hash);
  const RecordState stored = table_.view(ref).state();
  const RecordState state = rules::joined(view.state(), stored, policy_);
  if (state == stored) return 0;
  table_.update(ref, state.record_class, state.seen, state.passes);
  return ref;
}

bool Greylist::restore(const SavedRecord& record, Seconds now) {
  const RecordView view = view_of(record);
  if (!comes_back(view, now)) return false;
  put_back(view, table_.hash(view.key));
  return true;
}

// One that says nothing about when this daemon has last run. Its key is valid until the next call.
RecordView Greylist::foreign_view_of(const SavedRecord& record) {
  return {key_of(record), record.seen, record.record_class,
          std::uint8_t(std::min(record.passes, 255u))};
}

Greylist::Import Greylist::judge_import(const RecordView& view, const HashedKey& key,
                                        Seconds now) const {
  if (!is_ruled(view) || !rules::counts(view.state(), policy_, now, expiry_)) return Import::over;
  const rules::Stored stored = find(key).stored;
  const bool stands = stored && rules::joined(view.state(), *stored, policy_) == *stored;
  return stands ? Import::had : Import::taken;
}

Greylist::Import Greylist::would_import(const SavedRecord& record, Seconds now) {
  const RecordView view = foreign_view_of(record);
  return judge_import(view, {view.key, table_.wide_hash(view.key)}, now);
}

Greylist::Import Greylist::import(const SavedRecord& record, Seconds now) {
  const RecordView view = foreign_view_of(record);
  const HashedKey key{view.key, table_.wide_hash(view.key)};
  const Import judged = judge_import(view, key, now);
  if (judged != Import::taken) return judged;
  if (attempts_ != nullptr && !is_pool_key(view.key) && view.record_class == RecordClass::waiting &&
      find(key).ref == 0) {
    attempts_->began(view.seen);
  }
  note(put_back(view, key.hash()));
  return judged;
}

template <class Knowledge, class Here>
void Greylist::learn(const SavedRecord& of, const Knowledge& known, const Here& here,
                     Seconds forgotten, Seconds now, const Ip& asker, const Ip& client) {
  const std::string_view text = key_of(of);
  const HashedKey key{text, table_.wide_hash(text), asker, client};
  const Found found = find(key);
  const auto stored = found.stored ? here(*found.stored, policy_, now) : Knowledge();
  const Knowledge joined = join(stored, known);
  if constexpr (std::is_same_v<Knowledge, TripletKnowledge>) {
    if (of.client.is_sent()) {
      return become(sent_meaning(joined, forgotten, policy_, now), found, key);
    }
  }
  // Nobody else knows of it: that there is nothing more says nothing against it.
  if (found.stored && found.stored->record_class == RecordClass::trapped && joined == Knowledge())
    return;
  become(meaning(joined, forgotten, policy_, now), found, key);
}

void Greylist::learn(const SavedRecord& of, const TripletKnowledge& known, Seconds forgotten,
                     Seconds now, const Ip& asker, const Ip& client) {
  learn(of, known, triplet_knowledge, forgotten, now, asker, client);
}

void Greylist::learn(const SavedRecord& of, const ClientKnowledge& known, Seconds forgotten,
                     Seconds now, const Ip& asker, const Ip& client) {
  learn(of, known, client_knowledge, forgotten, now, asker, client);
}

void Greylist::become(const rules::Stored& now_is, const Found& before, const HashedKey& key) {
  if (now_is == before.stored) return;
  if (!now_is) {
    // It has ended elsewhere, as an accepted bounce or by command.
    const RecordView view = table_.view(before.ref);
    if (const auto record = to_saved(view)) forget(before.ref, *record);
    return;
  }
  if (attempts_ != nullptr && !is_pool_key(key.key)) {
    const bool waited = before.stored && before.stored->record_class == RecordClass::waiting;
    const bool waits = now_is->record_class == RecordClass::waiting;
    if (waits && !before.stored) attempts_->began(now_is->seen);
    // It has passed elsewhere, and is counted there.
    if (waited && !waits) attempts_->ended(before.stored->seen, table_.mark(before.ref), true);
  }
  store(before.ref, key, *now_is);
}

bool Greylist::restore_later(const SavedRecord& record, Seconds now) {
  const RecordView view = view_of(record);
  if (!comes_back(view, now)) return false;
  pending_.resize(kPending);
  Pending& next = pending_[(pending_begin_ + pending_count_) % kPending];
  if (pending_count_ == kPending) {
    put_back(next.view, next.hash);
    pending_begin_ = (pending_begin_ + 1) % kPending;
  } else {
    ++pending_count_;
  }
  next.key = view.key;
  next.hash = table_.hash(next.key);
  next.view = view;
  next.view.key = next.key;
  table_.prefetch_slot(next.hash);
  return true;
}

void Greylist::restore_pending() {
  for (; pending_count_ > 0; --pending_count_) {
    const Pending& next = pending_[pending_begin_];
    put_back(next.view, next.hash);
    pending_begin_ = (pending_begin_ + 1) % kPending;
  }
}

void Greylist::replay(const SavedRecord& change, Seconds now) {
  const RecordView view = view_of(change);
  const Table::Ref ref = table_.find(view.key);
  const bool counts = is_ruled(view) && rules::counts(view.state(), policy_, now, expiry_);
  if (change.change == Change::forgotten || !counts) {
    if (ref != 0) table_.erase(ref);
  } else if (ref == 0) {
    table_.insert(view);
  } else {
    table_.update(ref, view.record_class, view.seen, view.passes);
  }
}

}  // namespace grey
