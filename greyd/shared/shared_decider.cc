#include "greyd/shared/shared_decider.h"

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <utility>

#include "greyd/core/table.h"
#include "greyd/store/first_thrown.h"

namespace grey::shared {
namespace {

constexpr std::size_t kNone = SIZE_MAX;
constexpr std::size_t kIdle = 1024;        // questions whose memory is kept
constexpr std::size_t kIdleTriplets = 16;  // of those that have had no more

}  // namespace

struct SharedDecider::Part {
  SharedDecider* decider;
  Open* open;
  std::size_t client;  // the numbers of its client
  std::size_t from;    // and of its first triplet
  bool is_sent;        // of what was sent, which has no client
};

namespace {

// True as long as it stands.
class Within {
 public:
  explicit Within(bool& flag) : flag_(flag), was_(std::exchange(flag, true)) {}
  ~Within() { flag_ = was_; }
  Within(const Within&) = delete;
  Within& operator=(const Within&) = delete;

 private:
  bool& flag_;
  const bool was_;
};

}  // namespace

struct SharedDecider::Open {
  Opens::iterator self;
  std::uint64_t question = 0;
  Seconds now = 0;
  Ip asker;
  std::vector<Waiter> waiters;  // of the same question; none: nobody waits any more

  // The client, or one of its pools, whose records these are; or what was sent to the sender: that
  // has no record of a client, and `client` is the number before its first.
  struct Group {
    std::optional<PoolKind> pool;
    std::size_t client;  // the number of its record; those of its triplets follow
    std::size_t end;
    std::size_t prefix;  // what the keys of its triplets have in common
  };
  std::vector<Group> groups;
  Ip client;

  // Of each group its client, then each triplet, in the order of the recipients' octets:
  std::vector<std::string> records;  // the key here
  Strings keys;                      // the key in the store
  std::vector<Seconds> forgotten;    // when it was forgotten by command
  struct Known {
    bool told = false;  // by the store
    std::string text;   // of a triplet none: its first attempt is at `now`
  };
  std::vector<Known> known;

  std::vector<Part> parts;  // its calls
  std::size_t calls = 0;    // that are out
  bool failed = false;      // one of them was
  std::optional<Decided> decision;

  // As one that has just been made, but for the memory.
  void clear() {
    question = 0;
    waiters.clear();
    groups.clear();
    keys.clear();
    forgotten.clear();
    known.clear();
    parts.clear();
    calls = 0;
    failed = false;
    decision.reset();
  }
  // Of that record.
  const Group& group_with(std::size_t number) const {
    return *std::find_if(groups.begin(), groups.end(),
                         [&](const Group& group) { return number < group.end; });
  }
  bool is_client(std::size_t number) const { return group_with(number).client == number; }
  bool is_sent(std::size_t number) const { return group_with(number).pool == PoolKind::sent; }
  RecordClass class_of(std::size_t number) const {
    if (is_sent(number)) return RecordClass::sent;
    return is_client(number) ? RecordClass::client : RecordClass::waiting;
  }
  bool has_begun(std::size_t number) const {
    return !is_client(number) && known[number].told && known[number].text.empty();
  }
  // Of that client or pool, or of a triplet of it and this sender; kNone: it is none of the
  // query's.
  std::size_t number_of(const SavedRecord& record) const {
    const auto group = std::find_if(groups.begin(), groups.end(), [&](const Group& one) {
      return one.pool == record.client.pool;
    });
    if (group == groups.end()) return kNone;
    if (is_of_client(record.record_class)) return group->client;
    const auto recipient_of = [&](const std::string& one) {
      return std::string_view(one).substr(group->prefix);
    };
    const auto end = records.begin() + std::ptrdiff_t(group->end);
    const auto at = std::lower_bound(
        records.begin() + std::ptrdiff_t(group->client) + 1, end, record.recipient,
        [&](const std::string& one, std::string_view two) { return recipient_of(one) < two; });
    const bool found = at != end && recipient_of(*at) == record.recipient;
    return found ? std::size_t(at - records.begin()) : kNone;
  }
};

SharedDecider::SharedDecider(Service& service, ScriptStore& store, const Keys& keys,
                             ForgetMarks& marks, DeciderCounters& counters, Loop loop)
    : service_(service),
      store_(store),
      keys_(keys),
      marks_(marks),
      counters_(counters),
      loop_(std::move(loop)),
      builder_(service.greylist().policy()) {
  service_.tell_changes_to(this);
}

SharedDecider::~SharedDecider() {
  service_.tell_changes_to(nullptr);
  *self_ = nullptr;
}

// ---- deciding ----------------------------------------------------------------------------------

void SharedDecider::decide(std::span<const wire::Query> batch, Seconds now, Done done) {
  std::vector<std::size_t> open;
  try {
    const Within deciding(deciding_);
    service_.decide_known(batch, now, done, open);
    tell(nullptr, now);
    if (open.empty()) return;
    const auto shared = std::make_shared<Done>(std::move(done));
    const bool up = store_.up() && marks_.heard();
    for (const std::size_t i : open) {
      if (up) {
        ask(batch[i], i, now, shared);
      } else {
        decide_here(batch[i], now,
                    [&](std::size_t, const Decided& decided) { (*shared)(i, decided); });
      }
    }
  } catch (...) {
    forget(batch);
    throw;
  }
}

void SharedDecider::decide_here(const wire::Query& query, Seconds now, const Decider::Done& done) {
  const Within deciding(deciding_);
  service_.decide({&query, 1}, now, done);
  tell(nullptr, now);
}

void SharedDecider::sent(std::span<const wire::Sent> told, Seconds now) {
  const Within deciding(deciding_);
  service_.sent(told, now);
  tell(nullptr, now);
}

void SharedDecider::wait_in_pool(const SavedRecord& waiting, const Client& pool, Seconds now,
                                 const Ip& asker) {
  const Within deciding(deciding_);
  service_.wait_in_pool(waiting, pool, now, asker);
  tell(nullptr, now);
}

void SharedDecider::forget(std::span<const wire::Query> batch) noexcept {
  const auto is_of_it = [&](const Waiter& waiter) {
    return waiter.query >= batch.data() && waiter.query < batch.data() + batch.size();
  };
  for (Open& open : open_) std::erase_if(open.waiters, is_of_it);
}

// Each call ends within a bounded time. Whoever throws when told keeps nobody from being told, nor
// the state from being saved.
void SharedDecider::drain() {
  FirstThrown thrown;
  for (;;) {
    thrown.tell([&] { settle(); });
    if (open_.empty()) return;
    loop_.wait();
  }
}

// ---- asking ------------------------------------------------------------------------------------

void SharedDecider::ask(const wire::Query& query, std::size_t index, Seconds now,
                        const std::shared_ptr<Done>& done) {
  if (query.question != 0) {
    const auto same = questions_.find(query.question);
    if (same != questions_.end() && !same->second->waiters.empty()) {
      same->second->waiters.push_back({&query, index, done});
      return;
    }
  }
  if (open_.size() >= kMostOpen) {
    ++counters_.asked;
    ++counters_.unanswered;
    return decide_here(query, now,
                       [&](std::size_t, const Decided& decided) { (*done)(index, decided); });
  }
  Open& open = *new_open();
  try {
    open.now = now;
    open.waiters.push_back({&query, index, done});
    fill(open, query);
    if (query.question != 0) questions_[query.question] = &open;
    open.question = query.question;
  } catch (...) {
    release(open);
    throw;
  }
  ++counters_.asked;
  send(open);
}

SharedDecider::Opens::iterator SharedDecider::new_open() {
  if (idle_.empty()) idle_.emplace_back();
  const auto open = idle_.begin();
  open->self = open;
  open_.splice(open_.end(), idle_, open);
  return open;
}

void SharedDecider::release(Open& open) noexcept {
  if (open.question != 0) {
    const auto asked = questions_.find(open.question);
    if (asked != questions_.end() && asked->second == &open) questions_.erase(asked);
  }
  if (idle_.size() < kIdle && open.records.size() <= 1 + kIdleTriplets) {
    open.clear();
    idle_.splice(idle_.begin(), open_, open.self);
  } else {
    open_.erase(open.self);
  }
}

// What the query is about: its client, and the pools that are known to be its.
void SharedDecider::fill(Open& open, const wire::Query& query) {
  open.asker = query.asker;
  open.client = query.client.ip;
  add_group(open, query, query.client);
  if (const PoolFinder* const finder = service_.greylist().pools()) {
    finder->find(query, open.now, pools_);
    for (const PoolKind kind : {PoolKind::spf, PoolKind::name}) {
      if (pools_.has(kind)) add_group(open, query, pools_.client(kind));
    }
  }
  add_sent(open, query);
  open.records.resize(open.groups.back().end);
  for (const std::string& record : open.records) {
    const std::size_t number = open.keys.size();
    // The builder makes no other.
    const auto of = to_saved({record, open.now, open.class_of(number), 0}).value();
    open.keys.add_made([&](std::string& out) { keys_.append(out, of); });
    open.forgotten.push_back(marks_.forgotten(of));
  }
  open.known.resize(open.records.size());
}

void SharedDecider::add_group(Open& open, const wire::Query& query, const Client& client) {
  const std::size_t begin = open.groups.empty() ? 0 : open.groups.back().end;
  builder_.envelope(client, query.sender);
  const std::size_t most = begin + 1 + query.recipients.size();
  if (open.records.size() < most || open.groups.empty()) open.records.resize(most);
  std::size_t next = begin;
  open.records[next++] = builder_.client();
  for (const std::string_view recipient : query.recipients) {
    open.records[next++] = builder_.triplet(recipient);
  }
  const auto first = open.records.begin() + std::ptrdiff_t(begin) + 1;
  auto end = open.records.begin() + std::ptrdiff_t(next);
  if (next - begin > 2) {
    std::sort(first, end);
    end = std::unique(first, end);
  }
  open.groups.push_back({client.pool, begin, std::size_t(end - open.records.begin()),
                         builder_.sender_prefix().size()});
}

// Only where it would count.
void SharedDecider::add_sent(Open& open, const wire::Query& query) {
  const PoolFinder* const finder = service_.greylist().pools();
  const bool counts = service_.greylist().policy().replies > 0 && !query.sender.empty() &&
                      finder != nullptr &&
                      (pools_.has(PoolKind::spf) || finder->is_host_of_sender(query));
  if (!counts) return;
  const std::size_t begin = open.groups.back().end;
  open.records.resize(begin);
  for (const std::string_view recipient : query.recipients) {
    std::string& key = open.records.emplace_back();
    put_sent(key, query.sender, recipient);
    if (recipient.empty() || !client_of_key(key)) open.records.pop_back();
  }
  const auto first = open.records.begin() + std::ptrdiff_t(begin);
  std::sort(first, open.records.end());
  open.records.erase(std::unique(first, open.records.end()), open.records.end());
  if (open.records.size() == begin) return;
  open.groups.push_back({PoolKind::sent, begin - 1, open.records.size(), 0});
}

// A part that cannot be sent for want of memory is one that has no answer.
void SharedDecider::send(Open& open) {
  Policy terms = service_.greylist().policy();
  // What the operator's rules say is not known to the store: it is asked for all.
  if (!service_.lists().rules.empty()) {
    terms.resend_window = terms.waiting_life();
    terms.client_passes = 0;
  }
  for (const Open::Group& group : open.groups) {
    std::size_t from = group.client + 1;
    do {
      open.parts.push_back({this, &open, group.client, from, group.pool == PoolKind::sent});
      from += kMostKeys;
    } while (from < group.end);
  }
  open.calls = open.parts.size();  // they stay where they are
  const std::size_t parts = open.parts.size();
  for (std::size_t i = 0; i < parts; ++i) {
    const Part* const part = &open.parts[i];
    try {
      if (part->is_sent) {
        begin_read(call_);
      } else {
        begin_ask(call_, terms, open.now);
        add(call_, open.keys[part->client], open.forgotten[part->client]);
      }
      const auto& group = open.group_with(part->is_sent ? part->from : part->client);
      const std::size_t to = std::min(part->from + kMostKeys, group.end);
      for (std::size_t key = part->from; key < to; ++key) {
        if (part->is_sent) {
          call_.keys.add(open.keys[key]);
          continue;
        }
        add(call_, open.keys[key], open.forgotten[key]);
      }
      store_.call(call_, [part](const auto* answer) { part->decider->take(*part, answer); });
    } catch (const std::exception&) {
      take(*part, nullptr);
    }
  }
}

// Nothing may leave this: it is called by the event loop.
void SharedDecider::take(const Part& part, const std::vector<std::string>* answer) noexcept {
  Open& open = *part.open;
  if (answer == nullptr || answer->empty()) {
    open.failed = true;
  } else {
    for (std::size_t i = 0; i < answer->size(); ++i) {
      const std::size_t number = part.is_sent ? part.from + i
                                 : i == 0     ? part.client
                                              : part.from + i - 1;
      if (number >= open.known.size()) break;
      try {
        open.known[number].text = (*answer)[i];
        open.known[number].told = true;
      } catch (const std::exception&) {
        open.failed = true;
      }
    }
  }
  if (--open.calls != 0) return;
  try {
    answered_.push_back(&open);
    loop_.settle_soon();
  } catch (const std::exception&) {
    // There was no memory: nobody is answered, and asks again.
    std::erase(answered_, &open);
    release(open);
  }
}

// ---- settling ----------------------------------------------------------------------------------

void SharedDecider::settle() {
  if (settling_) return;
  settling_ = true;
  FirstThrown thrown;
  std::vector<Open*> round;
  // Whoever is answered may ask more, and the store may have no answer to that at once.
  while (!answered_.empty()) {
    round.swap(answered_);
    bool journaled = false;
    thrown.tell([&] {
      service_.together([&] {
        for (Open* const open : round) conclude(*open);
      });
      journaled = true;
    });
    for (Open* const open : round) {
      if (!journaled) open->decision.reset();
      answer(*open, thrown);
    }
    round.clear();
  }
  answered_.swap(round);  // its memory
  settling_ = false;
  thrown.rethrow();
}

// Learns what the store has told, and decides.
void SharedDecider::conclude(Open& open) noexcept {
  if (open.failed) ++counters_.unanswered;
  try {
    learning_ = true;
    for (std::size_t i = 0; i < open.known.size(); ++i) learn(open, i);
    learning_ = false;
    if (open.waiters.empty()) return;
    concluding_ = &open;
    changes_.clear();
    const Within deciding(deciding_);
    service_.decide({open.waiters.front().query, 1}, open.now,
                    [&](std::size_t, const Decided& decided) { open.decision = decided; });
    concluding_ = nullptr;
    tell(&open, open.now);
  } catch (const std::exception&) {
    learning_ = false;
    concluding_ = nullptr;
  }
}

void SharedDecider::learn(const Open& open, std::size_t number) {
  const Open::Known& known = open.known[number];
  const bool is_client = open.is_client(number);
  if (!known.told || (known.text.empty() && !is_client)) return;
  const auto record = to_saved({open.records[number], 0, open.class_of(number), 0});
  if (!record) return;
  // By command, perhaps while the store was being asked.
  const Seconds forgotten = std::max(open.forgotten[number], marks_.forgotten(*record));
  if (known.text.empty() && forgotten == 0) return;
  if (is_client) {
    if (const auto client = read_client_knowledge(known.text))
      service_.learn(*record, *client, forgotten, open.now, open.asker, open.client);
  } else if (const auto triplet = read_triplet_knowledge(known.text)) {
    service_.learn(*record, *triplet, forgotten, open.now, open.asker, open.client);
  }
}

// Who is told may ask anew, the same question, too, and may have others forgotten.
void SharedDecider::answer(Open& open, FirstThrown& thrown) {
  const auto asked = open.question == 0 ? questions_.end() : questions_.find(open.question);
  if (asked != questions_.end() && asked->second == &open) questions_.erase(asked);
  open.question = 0;
  while (open.decision && !open.waiters.empty()) {
    const Waiter waiter = std::move(open.waiters.front());
    open.waiters.erase(open.waiters.begin());
    thrown.tell([&] { (*waiter.done)(waiter.index, *open.decision); });
  }
  release(open);
}

// ---- telling -----------------------------------------------------------------------------------

void SharedDecider::note(const SavedRecord& change) noexcept {
  if (learning_ || change.change == grey::Change::forgotten) return;
  if (change.record_class == RecordClass::trapped) return;  // each daemon's own
  if (!deciding_) {
    untold_ = true;
    return;
  }
  const RecordState record{change.record_class, change.seen,
                           std::uint8_t(std::min(change.passes, 255u))};
  try {
    std::size_t number = kNone;
    if (concluding_ != nullptr && !change.client.is_sent()) {
      number = concluding_->number_of(change);
    }
    if (number == kNone) return changes_.push_back({keys_.of(change), number, record});
    const bool waits = change.record_class == RecordClass::waiting;
    if (waits && concluding_->has_begun(number)) return;  // the store has put it there itself
    changes_.push_back({{}, number, record});
  } catch (const std::exception&) {
    ++counters_.untold;
  }
}

// What has just been decided has changed. `open`: of which query, if the store was asked.
void SharedDecider::tell(const Open* open, Seconds now) {
  if (changes_.empty()) return;
  const std::vector<Change> changes = std::exchange(changes_, {});
  if (!store_.up()) {
    counters_.untold += changes.size();
    return;
  }
  struct Pass {
    std::vector<std::size_t> passed;
    const Change* earns = nullptr;
  };
  std::array<Pass, 1 + kPoolKinds> passes;  // of each group
  Tell tell(service_.greylist().policy());
  for (const Change& change : changes) {
    const RecordClass kind = change.record.record_class;
    if (change.number == kNone) {
      tell.add(change.key, change.record, now);
      continue;
    }
    Pass& pass = passes[std::size_t(&open->group_with(change.number) - open->groups.data())];
    if (kind == RecordClass::passed && change.record.seen == now) {
      pass.passed.push_back(change.number);
    } else if (kind == RecordClass::client) {
      pass.earns = &change;
    } else {
      tell.add(open->keys[change.number], change.record, now);
    }
  }
  for (std::size_t group = 0; group < passes.size(); ++group) {
    const Pass& pass = passes[group];
    if (pass.passed.empty() && pass.earns != nullptr) {
      // A pool's, by a retry that was good without it.
      tell.add(open->keys[pass.earns->number], pass.earns->record, now);
    } else if (!pass.passed.empty()) {
      tell_pass(pass.passed, *open, open->groups[group].client, pass.earns != nullptr);
    }
  }
  if (tell.empty()) return;
  counters_.told += tell.size();
  const std::size_t size = tell.size();
  store_.call(tell.take(), [self = self_, size](const auto* answer) {
    if (*self != nullptr && answer == nullptr) (*self)->counters_.untold += size;
  });
}

void SharedDecider::tell_pass(const std::vector<std::size_t>& passed, const Open& open,
                              std::size_t client, bool earns) {
  begin_pass(call_, service_.greylist().policy(), open.now, earns);
  add(call_, open.keys[client], open.forgotten[client]);
  for (const std::size_t number : passed) add(call_, open.keys[number], open.forgotten[number]);
  const std::size_t size = 1 + passed.size();
  counters_.told += size;
  store_.call(call_, [self = self_, size, client = open.records[client],
                      now = open.now](const auto* answer) {
    if (*self == nullptr) return;
    SharedDecider& of = **self;
    if (answer == nullptr || answer->empty()) {
      of.counters_.untold += size;
      return;
    }
    const auto record = to_saved({client, 0, RecordClass::client, 0});
    const auto known = read_client_knowledge(answer->front());
    if (!record || !known) return;
    of.learning_ = true;
    of.service_.learn(*record, *known, of.marks_.forgotten(*record), now);
    of.learning_ = false;
  });
}

}  // namespace grey::shared
