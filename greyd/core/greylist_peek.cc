// Greylist::peek: a decision without its consequences.
#include "greyd/core/greylist.h"

namespace grey {

// What is stored there, and is now in the copy, too.
rules::Stored Greylist::copy_record(std::string_view key, Greylist& copy) const {
  const HashedKey hashed{key, table_.wide_hash(key)};
  const Found found = find(hashed);
  if (found.ref != 0 && copy.table_.find(key, hashed.hash()) == 0) {
    copy.table_.insert(table_.view(found.ref), hashed.hash());
  }
  return found.stored;
}

void Greylist::take_pools(const wire::Query& query, Seconds now, Greylist& copy,
                          std::vector<Peeked::Pool>& pools) const {
  if (finder_ == nullptr) return;
  PoolsOfQuery found;
  finder_->find(query, now, found);
  for (const PoolKind kind : {PoolKind::spf, PoolKind::name}) {
    if (!found.has(kind)) continue;
    KeyBuilder keys(policy_);
    keys.envelope(found.client(kind), query.sender);
    Peeked::Pool& pool = pools.emplace_back();
    pool.name = to_string(found.client(kind));
    pool.client = copy_record(keys.client(), copy);
    for (const std::string_view recipient : query.recipients) {
      pool.triplets.push_back(copy_record(keys.triplet(recipient), copy));
    }
    messages_.copy_to(copy.messages_, sender_id(keys));
  }
}

// All that the query's decision would read is copied, and the copy decides: so there is one way to
// decide, and nothing that could be changed.
Greylist::Peeked Greylist::peek(const wire::Query& query, const Lists& lists, Seconds now) const {
  constexpr std::size_t kLongest = 32;  // so many records of the usual size: with room to spare
  const std::size_t keys_of_each = 1 + kPoolKinds;
  Greylist copy(policy_, kLongest * keys_of_each * (query.recipients.size() + 1),
                table_.hash_key());
  copy.set_expiry(expiry_);
  copy.use_pools(finder_);
  const auto take = [&](std::string_view key) { return copy_record(key, copy); };
  Peeked peeked;
  KeyBuilder keys(policy_);
  keys.envelope(query.client, query.sender);
  peeked.client = take(keys.client());
  std::string sent;
  RecipientRules rules;
  rules.look_up(lists.rules, query);
  for (const std::string_view recipient : query.recipients) {
    peeked.rules.push_back(rules.matched(peeked.rules.size()));
    peeked.triplets.push_back(take(keys.triplet(recipient)));
    put_sent(sent, query.sender, recipient);
    peeked.sent.push_back(take(sent));
  }
  take_pools(query, now, copy, peeked.pools);
  messages_.copy_to(copy.messages_, query.message != 0 ? query.message : sender_id(keys));
  questions_.copy_to(copy.questions_, query.question);
  peeked.decision = copy.decide(query, lists, now);
  return peeked;
}

}  // namespace grey
