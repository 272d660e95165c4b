// Greylist::peek: a decision without its consequences.
#include "greyd/core/greylist.h"

namespace grey {

// All that the query's decision would read is copied, and the copy decides: so there is one way to
// decide, and nothing that could be changed.
Greylist::Peeked Greylist::peek(const wire::Query& query, const Lists& lists, Seconds now) const {
  constexpr std::size_t kLongest = 32;  // so many records of the usual size: with room to spare
  Greylist copy(policy_, kLongest * (query.recipients.size() + 1), table_.hash_key());
  copy.set_expiry(expiry_);
  const auto take = [&](std::string_view key) {
    const HashedKey hashed{key, table_.wide_hash(key)};
    const Found found = find(hashed);
    if (found.ref != 0 && copy.table_.find(key, hashed.hash()) == 0) {
      copy.table_.insert(table_.view(found.ref), hashed.hash());
    }
    return found.stored;
  };
  Peeked peeked;
  KeyBuilder keys(policy_);
  keys.envelope(query.client, query.sender);
  peeked.client = take(keys.client());
  RecipientRules rules;
  rules.look_up(lists.rules, query);
  for (const std::string_view recipient : query.recipients) {
    peeked.rules.push_back(rules.matched(peeked.rules.size()));
    peeked.triplets.push_back(take(keys.triplet(recipient)));
  }
  messages_.copy_to(copy.messages_, query.message != 0 ? query.message : sender_id(keys));
  questions_.copy_to(copy.questions_, query.question);
  peeked.decision = copy.decide(query, lists, now);
  return peeked;
}

}  // namespace grey
