#include "greyd/core/greylist.h"

#include <algorithm>
#include <utility>

#include "greyd/core/greydaemon.h"

namespace grey {
namespace {

using wire::Reason;
using wire::Verdict;

// Of a query without any, an empty one: nothing is stored of it.
std::string_view first_of(const wire::Recipients& recipients) {
  return recipients.size() == 0 ? std::string_view() : *recipients.begin();
}

Matched find_envelope(const AddressList& list, const wire::Query& query) {
  // Nearly no client is on a list: which entry it is costs the others nothing.
  const Client& client = query.client;
  const Ip address = client.has_address() ? client.ip : greydaemon::listed_as(*client.name);
  if (list.has_client(address)) return list.find_client(address);
  if (Matched entry = list.find_client_name(query.client_name)) return entry;
  return list.find_sender(query.sender);
}

// One list, in two parts: what was said by command, and the file.
struct TwoParts {
  const AddressList& command;
  const AddressList& file;
};

Matched find_recipient(const TwoParts& list, std::string_view recipient) {
  if (list.command.entries() > 0) {
    if (Matched entry = list.command.find_recipient(recipient)) return entry;
  }
  return list.file.find_recipient(recipient);
}

// The entry that names the client or the sender of the query, or its recipients: `any` of them, or
// each.
Matched find_entry(const TwoParts& list, const wire::Query& query, RecipientRule rule) {
  if (list.command.entries() > 0) {
    if (Matched entry = find_envelope(list.command, query)) return entry;
  }
  if (Matched entry = find_envelope(list.file, query)) return entry;
  if (!list.file.has_recipient_entries() && !list.command.has_recipient_entries()) return {};
  Matched first;
  for (const std::string_view recipient : query.recipients) {
    Matched entry = find_recipient(list, recipient);
    if (!entry && rule == RecipientRule::all) return {};
    if (!first) first = std::move(entry);
    if (first && rule == RecipientRule::any) break;
  }
  return first;
}

}  // namespace

Greylist::Greylist(const Policy& policy, std::size_t max_records, const HashKey& hash_key)
    : policy_(policy), table_(max_records, hash_key), restored_keys_(policy) {}

// `judge`: of a question that neither lists nor rules answer, how it is judged, or none: it is not
// decided.
template <class Judge>
void Greylist::decide_each(std::span<const wire::Query> batch, const Lists& lists, Seconds now,
                           std::span<Decided> decisions, const Judge& judge) {
  prepare(batch, lists);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Decided& decided = decisions[i];
    if (decided.matched) decided.matched = {};
    if (decided.rule) decided.rule = {};
    if (!decided.pool.empty()) decided.pool.clear();
    decided.traps = 0;
    decided.suspicions = {};
    prepared_[i].listed = by_lists({batch[i], lists, now, prepared_[i]}, decided);
  }
  if (finder_ != nullptr) prepare_pools(batch, now);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Question question{batch[i], lists, now, prepared_[i]};
    Decided& decided = decisions[i];
    suspicions_ = {};
    spares_ = false;
    if (!prepared_[i].listed && !by_rules(question, decided)) {
      const std::optional<Judged> judged = judge(question, i);
      if (!judged) continue;
      take(question, *judged, decided);
    }
    tell_under(policy_, decided);
  }
}

void Greylist::decide(std::span<const wire::Query> batch, const Lists& lists, Seconds now,
                      std::span<Decided> decisions) {
  decide_each(batch, lists, now, decisions,
              [&](const Question& question, std::size_t) { return by_records(question); });
}

void Greylist::decide_known(std::span<const wire::Query> batch, const Lists& lists, Seconds now,
                            std::span<Decided> decisions, std::vector<std::size_t>& open) {
  decide_each(batch, lists, now, decisions, [&](const Question& question, std::size_t i) {
    auto judged = without_triplets(question);
    if (!judged) open.push_back(i);
    return judged;
  });
}

// What is judged by records, of the query whose rules these are.
void Greylist::take(const Question& question, const Judged& judged, Decided& decided) const {
  static_cast<Decision&>(decided) = judged;
  if (!rules_.none()) decided.rule = rules_.matched(judged.recipient);
  // A question that is asked again may have been judged as a pool that nobody knows of any more.
  const PoolsOfQuery& pools = question.prepared.pools;
  if (judged.pool && pools.has(*judged.pool)) decided.pool = to_string(pools.client(*judged.pool));
  if (judged.verdict == Verdict::defer) decided.traps = traps_;
  if (judged.verdict == Verdict::defer) decided.suspicions = suspicions_;
}

// Builds and hashes the keys, and asks for the memory that the decisions will read: first where the
// records are named, then the records.
void Greylist::prepare(std::span<const wire::Query> batch, const Lists& lists) {
  if (prepared_.size() < batch.size()) prepared_.resize(batch.size(), Prepared(policy_));
  const NetworkSet& whitelist = lists.whitelist.clients();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Prepared& prepared = prepared_[i];
    prepared.has_pools = false;
    prepared.keys.envelope(batch[i].client, batch[i].sender);
    prepared.client_hash = table_.wide_hash(prepared.keys.client());
    prepared.hash_triplet(first_of(batch[i].recipients), table_);
    table_.prefetch_bucket(Table::Hash(prepared.client_hash));
    table_.prefetch_bucket(Table::Hash(prepared.triplet_hash));
    whitelist.prefetch_index(batch[i].client.ip);
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    table_.prefetch_slot(Table::Hash(prepared_[i].client_hash));
    table_.prefetch_slot(Table::Hash(prepared_[i].triplet_hash));
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    prepared_[i].has_client = table_.prefetch_record(Table::Hash(prepared_[i].client_hash));
    table_.prefetch_record(Table::Hash(prepared_[i].triplet_hash));
    whitelist.prefetch_range(batch[i].client.ip);
  }
}

void Greylist::Prepared::hash_triplet(std::string_view of, const Table& table) {
  recipient = of;
  triplet_hash = table.wide_hash(keys.triplet(of));
}

// The same for the pools of those whose clients nothing is known of: for few others they are
// needed.
void Greylist::prepare_pools(std::span<const wire::Query> batch, Seconds now) {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Prepared& prepared = prepared_[i];
    if (prepared.listed || batch[i].probe || prepared.has_client) continue;
    prepared.find_pools(*finder_, batch[i], now, table_);
  }
  const auto each = [&](auto prefetch) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      Prepared& prepared = prepared_[i];
      if (!prepared.has_pools) continue;
      if (prepared.pools.has(PoolKind::spf)) prefetch(Table::Hash(prepared.pool_client.hash));
      for (std::size_t kind = 0; kind < kPoolKinds; ++kind) {
        if (!prepared.pools.domains[kind].empty()) {
          prefetch(Table::Hash(prepared.in_pools[kind].hash));
        }
      }
    }
  };
  each([&](Table::Hash hash) { table_.prefetch_bucket(hash); });
  each([&](Table::Hash hash) { table_.prefetch_slot(hash); });
  each([&](Table::Hash hash) { table_.prefetch_record(hash); });
}

// That of the first is there from prepare(): each recipient has a place of its own in the query.
Greylist::HashedKey Greylist::triplet_key(const Question& question,
                                          std::string_view recipient) const {
  Prepared& prepared = question.prepared;
  if (prepared.recipient.data() != recipient.data()) prepared.hash_triplet(recipient, table_);
  return {prepared.keys.last_triplet(), prepared.triplet_hash, question.query.asker};
}

Greylist::HashedKey Greylist::client_key(const Question& question) {
  return {question.prepared.keys.client(), question.prepared.client_hash, question.query.asker};
}

bool Greylist::by_lists(const Question& question, Decided& decided) const {
  const auto listed = [&](Reason reason, const TwoParts& list, RecipientRule rule) {
    Matched entry = find_entry(list, question.query, rule);
    if (!entry) return false;
    decided = {decision_of(reason, 0, policy_.min_resend), std::move(entry)};
    return true;
  };
  const Lists& lists = question.lists;
  return listed(Reason::blacklisted, {lists.blocked, lists.blacklist}, RecipientRule::any) ||
         listed(Reason::whitelisted, {lists.allowed, lists.whitelist}, policy_.recipients);
}

// Whether greylisting is off for all whom the lists leave. From here on `rules_` is that query's.
bool Greylist::by_rules(const Question& question, Decided& decided) {
  rules_.forget();
  if (question.lists.rules.empty()) return false;
  rules_.look_up(question.lists.rules, question.query);
  if (!rules_.any_off()) return false;
  std::size_t number = 0, off = 0;
  for (const std::string_view recipient : question.query.recipients) {
    if (!counts_for_itself(question, recipient, number)) return false;
    if (rules_.is_off(number)) off = number;
    ++number;
  }
  decided = {decision_of(Reason::rule, 0, policy_.min_resend), {}, rules_.matched(off)};
  return true;
}

// A recipient that is accepted among others, and says nothing of them.
bool Greylist::counts_for_itself(const Question& question, std::string_view recipient,
                                 std::size_t number) const {
  if (rules_.is_off(number)) return true;
  if (spares_ && !rules_.is_on(question.query, number, recipient)) return true;
  const Lists& lists = question.lists;
  return policy_.recipients == RecipientRule::all &&
         find_recipient({lists.allowed, lists.whitelist}, recipient);
}

// Whether the client has nothing to wait for, as nothing speaks against it. From here on
// `suspicions_` and `spares_` are that query's. What a rule leaves on, and who writes
// to traps, is for the triplets.
std::optional<Greylist::Judged> Greylist::by_suspicion(const Question& question) {
  if (policy_.personality == Personality::greydaemon) return std::nullopt;
  const Prepared& prepared = question.prepared;
  suspicions_ = suspicions_of(question.query,
                              prepared.has_pools ? prepared.pools.name_is_address : std::nullopt);
  spares_ = policy_.select == Select::suspect && suspicions_.none() && !is_for_traps(question);
  if (!spares_) return std::nullopt;
  std::size_t number = 0;
  for (const std::string_view recipient : question.query.recipients) {
    if (!counts_for_itself(question, recipient, number++)) return std::nullopt;
  }
  return Judged{decision_of(Reason::unsuspect, 0, policy_.min_resend)};
}

bool Greylist::tells_questions_apart(const Question& question) const {
  const auto of_rules = question.lists.rules.shortest_min_resend();
  return policy_.min_resend < kOneAttempt || (of_rules && *of_rules < kOneAttempt);
}

// What neither list nor rule decides.
Greylist::Judged Greylist::by_records(const Question& question) {
  const wire::Query& query = question.query;
  if (const auto judged = without_triplets(question)) return *judged;
  const bool told_apart = query.question != 0 && tells_questions_apart(question);
  const bool by_greydaemon = policy_.personality == Personality::greydaemon;
  const Judged judged = by_greydaemon ? by_triplets_greydaemon(question) : by_triplets(question);
  if (told_apart && judged.verdict == Verdict::defer) {
    questions_.remember(query.question, judged, question.now);
  }
  return judged;
}

// What needs no triplet: who only probes, a known client, who is not suspect, a question that is
// asked again.
std::optional<Greylist::Judged> Greylist::without_triplets(const Question& question) {
  const wire::Query& query = question.query;
  traps_ = 0;
  if (query.probe) return Judged{decision_of(Reason::new_triplet, 0, policy_.min_resend)};
  if (const auto known = by_client(question)) return known;
  if (const auto spared = by_suspicion(question)) return spared;
  if (query.question == 0 || !tells_questions_apart(question)) return std::nullopt;
  const Judged* const first = questions_.find(query.question, question.now, kOneAttempt);
  return first == nullptr ? std::nullopt : std::optional(*first);
}

Greylist::Judged Greylist::by_triplets(const Question& question) {
  const wire::Query& query = question.query;
  const bool bounce = question.prepared.keys.null_sender();
  if (bounce && has_passed(question)) {
    return {again(decision_of(Reason::bounce, 0, policy_.min_resend))};
  }
  const auto judge = bounce ? rules::judge_bounce : rules::judge_triplet;
  look_at_traps(question);
  rules::Summary summary;
  named_.begin(query.recipients.size());
  good_retries_.clear();
  earning_.reset();
  may_send_.reset();
  std::optional<rules::Stored> before;
  std::size_t next = 0;
  for (const std::string_view recipient : query.recipients) {
    const std::size_t number = next++;
    if (counts_for_itself(question, recipient, number)) continue;
    if (const auto reply = reply_to(question, recipient)) {
      summary.add(*reply, number);
      continue;
    }
    const HashedKey key = triplet_key(question, recipient);
    if (!named_.insert(key.wide_hash + rules_.terms_id(number))) continue;
    // Known to all it would not be here.
    if (rules_.any_passes() && add_if_known(question, number, summary)) continue;
    const Terms terms = rules::behind_traps(rules_.terms(policy_, number), traps_);
    const Found triplet = find(key);
    // A triplet of all recipients (--recipient-key=none) is judged on the terms of each, by what it
    // was before this query.
    const bool shared = policy_.recipient_key == RecipientKey::none;
    const bool judged_before = shared && before.has_value();
    if (!judged_before) before = triplet.stored;
    const rules::Judgement judged = judge(*before, terms, question.now, expiry_);
    Judged decided{judged.decision, number};
    if (!question.prepared.pools.none()) {
      decided = judge_with_pools(question, terms, judge, {key, triplet, judged, judged_before});
      decided.recipient = number;
    } else if (!judged_before || judged.decision.reason == Reason::passed) {
      count_attempt(triplet, judged.decision, question.now);
      apply(judged.effect, triplet.ref, key);
    }
    summary.add(decided, number, decided.pool);
    if (decided.reason == Reason::passed && decided.pool != PoolKind::name &&
        terms.client_passes > 0) {
      earning_ = terms;
    }
    if (decided.reason == Reason::bounce && !decided.again) good_retries_.push_back(recipient);
  }
  return of_message(question, summary);
}

// What a query's triplets make of it, and of its client.
Greylist::Judged Greylist::of_message(const Question& question, const rules::Summary& summary) {
  const auto before = summary.passed() ? message_of(question) : std::nullopt;
  const bool new_message = summary.passed() && !before;
  const bool earns = earning_ && !(before && before->earned);
  if (new_message || earns) remember(question, {earns});
  if (earns) earn_pass(question, *earning_);
  if (earns && question.prepared.pools.has(PoolKind::spf)) earn_pass_of_pool(question, *earning_);
  auto judged = summary.decision(policy_.recipients);
  if (!judged) return {decision_of(Reason::whitelisted, 0, policy_.min_resend)};
  if (judged->reason == Reason::bounce) {
    keep_bounces(question);
    const bool told = question.query.message != 0;
    judged->again = good_retries_.empty() || (told && !is_new_message(question));
  } else if (judged->verdict == Verdict::accept && summary.passed()) {
    judged->again = !new_message;
  }
  return *judged;
}

// The good retries of a bounce that is accepted.
void Greylist::keep_bounces(const Question& question) {
  for (const std::string_view recipient : good_retries_) {
    const HashedKey key = triplet_key(question, recipient);
    const Found triplet = find(key);
    if (triplet.stored) {
      const Seconds age = rules::age_of(triplet.stored->seen, question.now);
      count_attempt(triplet, decision_of(Reason::passed, age, 0), question.now);
    }
    apply(rules::accepted_bounce(triplet.stored, question.now), triplet.ref, key);
  }
}

// Of a bounce to several Postfix names no recipient at DATA any more. Where it has asked at RCPT,
// too, and one of them passed, there is nothing left to ask.
bool Greylist::has_passed(const Question& question) const {
  const wire::Query& query = question.query;
  return query.message != 0 && query.recipients.size() == 1 &&
         (*query.recipients.begin()).empty() &&
         messages_.find(query.message, question.now, kMessageLife) != nullptr;
}

// What is remembered of this message, of which a query before has been a good retry. A front that
// asks once for each recipient may say which message it is; else what comes of one client and
// sender at one moment counts as one.
std::optional<Greylist::Message> Greylist::message_of(const Question& question) const {
  const bool told = question.query.message != 0;
  const Message* const found =
      messages_.find(id_of_message(question), question.now, told ? kMessageLife : kOneMessage);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

std::uint64_t Greylist::id_of_message(const Question& question) const {
  const std::uint64_t told = question.query.message;
  return told != 0 ? told : sender_id(question.prepared.keys);
}

void Greylist::remember(const Question& question, Message message) {
  messages_.remember(id_of_message(question), message, question.now);
}

bool Greylist::is_new_message(const Question& question) {
  if (message_of(question)) return false;
  remember(question, {true});
  return true;
}

// greydaemon's own rules, as observed. Every recipient must pass, and the last that is deferred
// gives the reason; where none is, as there are none, the query is accepted. Each good retry makes
// the client known, even when another recipient defers the query. A null sender is accepted at the
// first recipient that is made for a bounce: those before it count as any, those after it not at
// all.
Greylist::Judged Greylist::by_triplets_greydaemon(const Question& question) {
  std::optional<Judged> deferred, accepted;
  bool bounce = false;
  std::size_t next = 0;
  for (const std::string_view recipient : question.query.recipients) {
    const std::size_t number = next++;
    if (rules_.is_off(number)) continue;
    bounce = question.prepared.keys.null_sender() && greydaemon::is_list_bounce(recipient);
    if (bounce) break;
    const HashedKey key = triplet_key(question, recipient);
    const Found triplet = find(key);
    Terms terms = rules_.terms(policy_, number);
    terms.min_resend = std::max<Seconds>(terms.min_resend, 1);  // who is named twice has not waited
    const auto judged = rules::judge_greydaemon_triplet(triplet.stored, terms, question.now);
    count_attempt(triplet, judged.decision, question.now);
    apply(judged.effect, triplet.ref, key);
    (judged.decision.verdict == Verdict::accept ? accepted : deferred) =
        Judged{judged.decision, number};
  }
  if (accepted) {
    accepted->again = !is_new_message(question);
    // Where one is enough there is nothing to count.
    if (!accepted->again || policy_.client_passes == 1) earn_pass(question, policy_);
  }
  if (bounce) return {decision_of(Reason::bounce, 0, policy_.min_resend)};
  if (deferred) return *deferred;
  return accepted.value_or(Judged{again(decision_of(Reason::passed, 0, policy_.min_resend))});
}

}  // namespace grey
