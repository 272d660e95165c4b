// A Decider before this host's: what would be deferred, or is a good retry, is asked of a store
// that several daemons share, so that a client that was deferred by one is accepted by another.
//
// The local state stays the engine. What lists, rules or a known client decide costs no round trip.
// For the others the store tells what is known of client and triplets; that is joined with what is
// known here, in the journal like any change, and then it is decided here, by the same rules. What
// changes by that is told to the store, without waiting. Without an answer in time, or where the
// store is known to be away, it is decided by what is known here: as one daemon alone would.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "greyd/core/changes.h"
#include "greyd/core/decider.h"
#include "greyd/service/service.h"
#include "greyd/shared/calls.h"
#include "greyd/shared/script_store.h"

namespace grey::shared {

// Told when something was forgotten by command, by whom it may concern.
class ForgetMarks {
 public:
  virtual ~ForgetMarks() = default;
  // The last time; 0: never.
  virtual Seconds forgotten(const SavedRecord& record) const = 0;
};

struct DeciderCounters {
  Count asked = 0;       // queries
  Count unanswered = 0;  // of those: decided by what is known here
  Count told = 0;        // records
  Count untold = 0;      // records of which that failed: healing tells them again
};

class SharedDecider : public Decider, private Changes {
 public:
  // All by reference must outlive it. `wait`: waits for the store once, and lets what has come be
  // told (EventLoop::step); for drain().
  SharedDecider(Service& service, ScriptStore& store, const Keys& keys, const ForgetMarks& marks,
                DeciderCounters& counters, std::function<void()> wait);
  ~SharedDecider() override;

  void decide(std::span<const wire::Query> batch, Seconds now, Done done) override;
  void forget(std::span<const wire::Query> batch) noexcept override;
  void drain() override;

  // More than this of one query's recipients are asked about in several calls.
  static constexpr std::size_t kMostKeys = 64;

 private:
  // Who waits for a decision.
  struct Waiter {
    const wire::Query* query;
    std::size_t index;
    std::shared_ptr<Done> done;
  };
  // A query that the store has been asked about.
  struct Open;
  // A change of a record, kept for the store.
  struct Change {
    std::string key;
    RecordState record;
  };

  void note(const SavedRecord& change) noexcept override;
  void decide_here(const wire::Query& query, Seconds now, const Decider::Done& done);
  void ask(const wire::Query& query, std::size_t index, Seconds now,
           const std::shared_ptr<Done>& done);
  void send(const std::shared_ptr<Open>& open);
  void take(Open& open, std::size_t from, const std::vector<std::string>* answer);
  void learn(Open& open, std::size_t number, const std::string& text);
  void finish(Open& open);
  void tell(const Open* open, Seconds now);
  void tell_pass(std::vector<Change> passed, const Open& open, Seconds now, bool earns);

  Service& service_;
  ScriptStore& store_;
  const Keys& keys_;
  const ForgetMarks& marks_;
  DeciderCounters& counters_;
  const std::function<void()> wait_;
  std::list<std::shared_ptr<Open>> open_;
  std::unordered_map<std::uint64_t, std::weak_ptr<Open>> questions_;  // that are open, by their id
  std::vector<Change> changes_;                                       // of what is being decided
  bool learning_ = false;  // from the store: that is no news to it
  std::shared_ptr<SharedDecider*> self_ = std::make_shared<SharedDecider*>(this);
};

}  // namespace grey::shared
