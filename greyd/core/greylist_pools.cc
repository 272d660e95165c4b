// Greylist's pools: a query's client counts as two more (pools.h), and of the triplets that there
// are of each recipient the one that is nearest to passing decides.
#include <algorithm>

#include "greyd/core/greylist.h"

namespace grey {
namespace {

using wire::Reason;
using wire::Verdict;

constexpr PoolKind kKinds[kPoolKinds] = {PoolKind::spf, PoolKind::name};

bool waits(const rules::Stored& stored) {
  return stored && stored->record_class == RecordClass::waiting;
}

}  // namespace

void Greylist::use_pools(const PoolFinder* finder) {
  finder_ = policy_.personality == Personality::greydaemon ? nullptr : finder;
  prepared_.clear();  // with the pools that the last one found
}

void Greylist::Prepared::find_pools(const PoolFinder& finder, const wire::Query& query, Seconds now,
                                    const Table& table) {
  finder.find(query, now, pools);
  has_pools = true;
  if (pools.has(PoolKind::spf)) {
    put_pool_client(pool_client.text, pools.client(PoolKind::spf));
    pool_client.hash = table.wide_hash(pool_client.text);
  }
  for (const PoolKind kind : kKinds) {
    if (pools.has(kind)) hash_in_pool(kind, table);
  }
}

// As the client's own triplet is that was built last.
void Greylist::Prepared::hash_in_pool(PoolKind kind, const Table& table) {
  Key& key = in_pools[std::size_t(kind)];
  put_pool_triplet(key.text, pools.client(kind), keys.last_triplet());
  key.hash = table.wide_hash(key.text);
  key.of = recipient.data();
}

// What is stored under a pool's key is the doing of the client's network.
Greylist::HashedKey Greylist::pool_client_key(const Question& question) const {
  const Prepared::Key& key = question.prepared.pool_client;
  return {key.text, key.hash, question.query.asker, question.query.client.ip};
}

// Of the recipient whose own key was built last.
Greylist::HashedKey Greylist::pool_triplet_key(const Question& question, PoolKind kind) const {
  Prepared& prepared = question.prepared;
  const Prepared::Key& key = prepared.in_pools[std::size_t(kind)];
  if (key.of != prepared.recipient.data()) prepared.hash_in_pool(kind, table_);
  return {key.text, key.hash, question.query.asker, question.query.client.ip};
}

// As its own records have it.
Ip Greylist::network_of(const Ip& client) const {
  return client.client_network(policy_.ipv4_prefix, policy_.ipv6_prefix);
}

// ---- a recipient's triplets --------------------------------------------------------------------

// What the client's own triplet and those of its pools make of a recipient; each of them is then as
// it has to be.
Greylist::Judged Greylist::judge_with_pools(const Question& question, const Terms& terms,
                                            JudgeTriplet judge, const Own& own) {
  InPools pools;
  Judged decided{own.judged.decision};
  for (const PoolKind kind : kKinds) {
    if (!question.prepared.pools.has(kind)) continue;
    const auto i = std::size_t(kind);
    const HashedKey key = pool_triplet_key(question, kind);
    const Found found = find(key);
    if (!own.judged_before) pool_before_[i] = found.stored;
    const auto judged = judge(pool_before_[i], terms, question.now, expiry_);
    pools[i] = InPool{kind, key, found, judged};
    if (rules::is_nearer(judged.decision, decided)) {
      decided = {judged.decision, Judged{}.recipient, kind};
    }
  }
  if (own.judged_before && decided.reason != Reason::passed) return decided;
  count_with_pools(own, pools, decided, question.now);
  apply_own(own, pools, decided, question.now);
  for (const auto& pool : pools) {
    if (pool) apply_in_pool(*pool, own, decided, question.now);
  }
  return decided;
}

void Greylist::apply_own(const Own& own, const InPools& pools, const Judged& decided, Seconds now) {
  if (decided.pool && (decided.reason == Reason::passed || decided.reason == Reason::known)) {
    return store(own.found.ref, own.key, {RecordClass::passed, now, 0});
  }
  apply(own.judged.effect, own.found.ref, own.key);
  const bool begins = own.judged.effect.act == rules::Effect::Act::store &&
                      own.judged.effect.record.record_class == RecordClass::waiting;
  const bool is_retry = std::any_of(pools.begin(), pools.end(), [](const auto& pool) {
    return pool && pool->waits() && pool->judged.decision.reason != Reason::stale;
  });
  // Another member's is the attempt that counts.
  if (begins && is_retry) table_.set_mark(find(own.key).ref, Attempts::kPassed);
}

// A name earns nothing: its triplet waits on, and is good for each member until it is stale.
void Greylist::apply_in_pool(const InPool& pool, const Own& own, const Judged& decided,
                             Seconds now) {
  const Reason reason = pool.judged.decision.reason;
  const bool begins = pool.judged.effect.act == rules::Effect::Act::store;
  // It waits as long as the first of its members does that is known to be one.
  Seconds seen = now;
  if (own.judged.decision.reason == Reason::early && waits(own.found.stored)) {
    seen = std::min(seen, own.found.stored->seen);
  }
  const bool accepted = decided.verdict == Verdict::accept;
  const bool has_passed = reason == Reason::passed || reason == Reason::known;
  const bool changes = accepted ? has_passed && pool.found.stored && pool.kind != PoolKind::name
                                : begins || (reason == Reason::early && pool.waits() &&
                                             seen < pool.found.stored->seen);
  if (!changes) return;
  const Found found = find(pool.key);  // others have been stored meanwhile
  if (!accepted) return store(found.ref, pool.key, {RecordClass::waiting, seen, 0});
  if (found.stored) apply(pool.judged.effect, found.ref, pool.key);
}

// What becomes of the attempt: it is counted once, whoever comes back. Called while all is as it
// was before.
void Greylist::count_with_pools(const Own& own, const InPools& pools, const Judged& decided,
                                Seconds now) {
  if (attempts_ == nullptr) return;
  const InPool* first = nullptr;  // that has waited longest
  for (const auto& pool : pools) {
    if (!pool || !pool->waits() || pool->judged.decision.reason == Reason::stale) continue;
    if (first == nullptr || pool->found.stored->seen < first->found.stored->seen) first = &*pool;
  }
  const bool own_waits = waits(own.found.stored);
  const bool by_member =
      first != nullptr && (!own_waits || table_.mark(own.found.ref) == Attempts::kPassed);
  if (decided.verdict == Verdict::defer) {
    const bool is_begun = first != nullptr && own.judged.decision.reason != Reason::early;
    if (!is_begun) return count_attempt(own.found, own.judged.decision, now);
    if (own_waits) count_end(own.found.ref, now);
    return;
  }
  if (decided.pool && own_waits) {
    attempts_->ended(own.found.stored->seen, table_.mark(own.found.ref), true);
  }
  if (decided.reason != Reason::passed || !(decided.pool || by_member)) {
    if (!decided.pool) count_attempt(own.found, own.judged.decision, now);
  } else if (first != nullptr) {
    if (auto record = to_saved({own.key.key, first->found.stored->seen})) {
      attempts_->passed(*record, rules::age_of(record->seen, now), table_.mark(first->found.ref),
                        known_suspicions());
    }
  }
  for (const auto& pool : pools) {
    if (pool && pool->waits()) table_.set_mark(pool->found.ref, Attempts::kPassed);
  }
}

// Hosts of one pool may try a message one after another: it counts once for it.
void Greylist::earn_pass_of_pool(const Question& question, const Terms& terms) {
  const Prepared& prepared = question.prepared;
  std::string begin;
  put_pool_triplet(begin, prepared.pools.client(PoolKind::spf), prepared.keys.sender_prefix());
  const std::uint64_t message = table_.wide_hash(begin);
  if (messages_.find(message, question.now, kOneMessage) != nullptr) return;
  messages_.remember(message, {true}, question.now);
  const HashedKey key = pool_client_key(question);
  const Found client = find(key);
  apply(rules::earned_pass(client.stored, terms, question.now, expiry_), client.ref, key);
}

// ---- what is learned later ---------------------------------------------------------------------

bool Greylist::wait_in_pool(const SavedRecord& waiting, const Client& pool, Seconds now,
                            const Ip& asker) {
  if (policy_.personality == Personality::greydaemon) return false;
  SavedRecord record = waiting;
  record.record_class = RecordClass::waiting;
  const std::string_view own = key_of(record);
  const rules::Stored mine = find({own, table_.wide_hash(own)}).stored;
  if (!waits(mine) || !rules::counts(*mine, policy_, now, expiry_)) return false;
  record.client = pool;
  const std::string_view key_text = key_of(record);
  const HashedKey key{key_text, table_.wide_hash(key_text), asker, network_of(waiting.client.ip)};
  const Found found = find(key);
  const RecordState first{RecordClass::waiting, mine->seen, 0};
  if (found.stored && rules::joined(first, *found.stored, policy_) == *found.stored) return true;
  store(found.ref, key, first);
  return true;
}

}  // namespace grey
