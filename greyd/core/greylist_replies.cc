// Greylist's replies: what ours have sent, and what comes back to it.
#include <algorithm>

#include "greyd/core/greylist.h"

namespace grey {
namespace {

// Only what is behind an address's '@' says who may send for it. `key`: of what was sent there.
bool has_domain(std::string_view theirs, std::string_view key) {
  const std::optional<Client> client = client_of_key(key);
  return client && is_dns_domain(*client->name) && theirs.find('@') > 0;
}

// Longer ones are not kept whole.
bool may_be_kept(std::string_view address) {
  return !address.empty() && address.size() <= kMaxAddress &&
         address.find('\0') == std::string_view::npos;
}

}  // namespace

// Its text is valid until the next call.
Greylist::HashedKey Greylist::sent_key(std::string_view theirs, std::string_view ours,
                                       const Ip& asker) {
  put_sent(sent_key_, theirs, ours);
  return {sent_key_, table_.wide_hash(sent_key_), asker};
}

bool Greylist::sent(std::string_view ours, std::string_view theirs, Seconds at, Seconds now,
                    const Ip& asker) {
  if (policy_.personality == Personality::greydaemon) return false;
  if (!may_be_kept(ours) || !may_be_kept(theirs)) return false;
  const RecordState told{RecordClass::sent, std::min(at, now), 0};
  if (at < 0 || rules::is_over(told, policy_, now)) return false;
  const HashedKey key = sent_key(theirs, ours, asker);
  if (!has_domain(theirs, key.key)) return false;
  const Found found = find(key);
  apply(rules::told_sent(found.stored, told.seen), found.ref, key);
  return true;
}

// Most tables have nothing sent in them, and most clients may not send for the sender's domain:
// that costs a query next to nothing.
std::optional<Decision> Greylist::reply_to(const Question& question, std::string_view recipient) {
  if (finder_ == nullptr || policy_.replies == 0 || table_.count(RecordClass::sent) == 0) return {};
  const wire::Query& query = question.query;
  if (query.sender.empty() || recipient.empty()) return {};
  if (!may_send_) {
    may_send_ = question.prepared.pools.has(PoolKind::spf) || finder_->is_host_of_sender(query);
  }
  if (!*may_send_) return {};
  const rules::Stored stored = find(sent_key(query.sender, recipient)).stored;
  return rules::judge_reply(stored, policy_, question.now, expiry_);
}

}  // namespace grey
