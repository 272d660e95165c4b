#include "greyd/shared/shared_decider.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <set>
#include <utility>

#include "greyd/core/key.h"
#include "greyd/core/table.h"

namespace grey::shared {

struct SharedDecider::Open {
  Seconds now;
  std::vector<Waiter> waiters;       // of the same question; none: nobody waits any more
  std::vector<std::string> records;  // the client's key here, then those of its triplets
  std::vector<std::string> keys;     // and in the store
  Forgotten forgotten;               // likewise
  std::set<std::string> begun;       // keys whose first attempt the store has put at `now`
  std::size_t calls = 0;             // that are out
  bool failed = false;               // one of them was
};

SharedDecider::SharedDecider(Service& service, ScriptStore& store, const Keys& keys,
                             const ForgetMarks& marks, DeciderCounters& counters,
                             std::function<void()> wait)
    : service_(service),
      store_(store),
      keys_(keys),
      marks_(marks),
      counters_(counters),
      wait_(std::move(wait)) {
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
    service_.decide_known(batch, now, done, open);
    tell(nullptr, now);
    if (open.empty()) return;
    const auto shared = std::make_shared<Done>(std::move(done));
    const bool up = store_.up();
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
  service_.decide({&query, 1}, now, done);
  tell(nullptr, now);
}

void SharedDecider::forget(std::span<const wire::Query> batch) noexcept {
  const auto is_of_it = [&](const Waiter& waiter) {
    return waiter.query >= batch.data() && waiter.query < batch.data() + batch.size();
  };
  for (const auto& open : open_) std::erase_if(open->waiters, is_of_it);
}

// Each call ends within a bounded time.
void SharedDecider::drain() {
  while (!open_.empty()) wait_();
}

// ---- asking ------------------------------------------------------------------------------------

void SharedDecider::ask(const wire::Query& query, std::size_t index, Seconds now,
                        const std::shared_ptr<Done>& done) {
  if (query.question != 0) {
    const auto same = questions_.find(query.question);
    if (same != questions_.end()) {
      if (const auto open = same->second.lock(); open && !open->waiters.empty()) {
        open->waiters.push_back({&query, index, done});
        return;
      }
    }
  }
  const auto open = std::make_shared<Open>();
  open->now = now;
  open->waiters.push_back({&query, index, done});
  KeyBuilder builder(service_.greylist().policy());
  builder.envelope(query.client, query.sender);
  open->records.emplace_back(builder.client());
  for (const std::string_view recipient : query.recipients) {
    open->records.emplace_back(builder.triplet(recipient));
  }
  std::sort(open->records.begin() + 1, open->records.end());
  open->records.erase(std::unique(open->records.begin() + 1, open->records.end()),
                      open->records.end());
  for (const std::string& record : open->records) {
    const auto record_class = open->keys.empty() ? RecordClass::client : RecordClass::waiting;
    const auto of = to_saved({record, now, record_class, 0});
    if (!of) continue;
    open->keys.push_back(keys_.of(*of));
    open->forgotten.push_back(marks_.forgotten(*of));
  }
  open_.push_back(open);
  if (query.question != 0) questions_[query.question] = open;
  ++counters_.asked;
  send(open);
}

void SharedDecider::send(const std::shared_ptr<Open>& open) {
  Policy terms = service_.greylist().policy();
  // What the operator's rules say is not known to the store: it is asked for all.
  if (!service_.lists().rules.empty()) {
    terms.resend_window = terms.waiting_life();
    terms.client_passes = 0;
  }
  const std::size_t triplets = open->keys.size() - 1;
  std::vector<std::pair<std::size_t, Call>> calls;
  for (std::size_t from = 1; from <= std::max<std::size_t>(triplets, 1); from += kMostKeys) {
    const std::size_t to = std::min(from + kMostKeys, open->keys.size());
    std::vector<std::string> keys{open->keys[0]};
    Forgotten forgotten{open->forgotten[0]};
    for (std::size_t i = from; i < to; ++i) {
      keys.push_back(open->keys[i]);
      forgotten.push_back(open->forgotten[i]);
    }
    calls.emplace_back(from, shared::ask(std::move(keys), forgotten, terms, open->now));
  }
  open->calls = calls.size();
  for (auto& [from, call] : calls) {
    store_.call(std::move(call), [self = self_, open, from = from](const auto* answer) {
      if (*self != nullptr) (*self)->take(*open, from, answer);
    });
  }
}

// Nothing may leave this: it is called by the event loop.
void SharedDecider::take(Open& open, std::size_t from, const std::vector<std::string>* answer) {
  try {
    if (answer == nullptr || answer->empty()) {
      open.failed = true;
    } else {
      learning_ = true;
      learn(open, 0, answer->front());
      for (std::size_t i = 1; i < answer->size() && from + i - 1 < open.keys.size(); ++i) {
        learn(open, from + i - 1, (*answer)[i]);
      }
      learning_ = false;
    }
    if (--open.calls == 0) finish(open);
  } catch (const std::exception&) {
    // There was no memory: nobody is answered, and asks again.
    learning_ = false;
    if (open.calls == 0) open.waiters.clear();
  }
  std::erase_if(open_, [](const auto& of) { return of->calls == 0; });
}

void SharedDecider::learn(Open& open, std::size_t number, const std::string& text) {
  const auto record_class = number == 0 ? RecordClass::client : RecordClass::waiting;
  const auto record = to_saved({open.records[number], 0, record_class, 0});
  if (!record) return;
  // By command, perhaps while the store was being asked.
  const Seconds forgotten = std::max(open.forgotten[number], marks_.forgotten(*record));
  if (number == 0) {
    if (const auto known = read_client_knowledge(text))
      service_.learn(*record, *known, forgotten, open.now);
  } else if (text.empty()) {
    open.begun.insert(open.keys[number]);
  } else if (const auto known = read_triplet_knowledge(text)) {
    service_.learn(*record, *known, forgotten, open.now);
  }
}

void SharedDecider::finish(Open& open) {
  if (open.failed) ++counters_.unanswered;
  if (open.waiters.empty()) return;
  const std::vector<Waiter> waiters = std::exchange(open.waiters, {});
  const wire::Query& query = *waiters.front().query;
  if (query.question != 0) questions_.erase(query.question);
  changes_.clear();
  std::optional<Decided> decision;
  service_.decide({&query, 1}, open.now,
                  [&](std::size_t, const Decided& decided) { decision = decided; });
  tell(&open, open.now);
  for (const Waiter& waiter : waiters) (*waiter.done)(waiter.index, *decision);
}

// ---- telling -----------------------------------------------------------------------------------

void SharedDecider::note(const SavedRecord& change) noexcept {
  if (learning_ || change.change == grey::Change::forgotten) return;
  try {
    changes_.push_back(
        {keys_.of(change),
         {change.record_class, change.seen, std::uint8_t(std::min(change.passes, 255u))}});
  } catch (const std::exception&) {
    ++counters_.untold;
  }
}

// What has just been decided has changed. `open`: of which query, if the store was asked.
void SharedDecider::tell(const Open* open, Seconds now) {
  if (changes_.empty()) return;
  std::vector<Change> changes = std::exchange(changes_, {});
  if (!store_.up()) {
    counters_.untold += changes.size();
    return;
  }
  std::vector<Change> passed;
  bool earns = false;
  Tell tell(service_.greylist().policy());
  for (Change& change : changes) {
    const bool now_passed =
        change.record.record_class == RecordClass::passed && change.record.seen == now;
    const bool client = open != nullptr && change.key == open->keys[0];
    if (open != nullptr && now_passed) {
      passed.push_back(std::move(change));
    } else if (client && change.record.record_class == RecordClass::client) {
      earns = true;
    } else if (open == nullptr || !open->begun.contains(change.key)) {
      tell.add(std::move(change.key), change.record, now);
    }
  }
  if (open != nullptr && (earns || !passed.empty())) {
    tell_pass(std::move(passed), *open, now, earns);
  }
  if (tell.empty()) return;
  counters_.told += tell.size();
  const std::size_t size = tell.size();
  store_.call(tell.take(), [self = self_, size](const auto* answer) {
    if (*self != nullptr && answer == nullptr) (*self)->counters_.untold += size;
  });
}

void SharedDecider::tell_pass(std::vector<Change> passed, const Open& open, Seconds now,
                              bool earns) {
  std::vector<std::string> keys{open.keys[0]};
  Forgotten forgotten{open.forgotten[0]};
  for (Change& change : passed) {
    const auto at = std::find(open.keys.begin(), open.keys.end(), change.key);
    forgotten.push_back(
        at == open.keys.end() ? 0 : open.forgotten[std::size_t(at - open.keys.begin())]);
    keys.push_back(std::move(change.key));
  }
  const std::size_t size = keys.size();
  counters_.told += size;
  const auto client = open.records[0];
  store_.call(pass(std::move(keys), forgotten, service_.greylist().policy(), now, earns),
              [self = self_, size, client, now](const auto* answer) {
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
