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
#include <utility>
#include <vector>

#include "greyd/core/changes.h"
#include "greyd/core/decider.h"
#include "greyd/core/key.h"
#include "greyd/service/service.h"
#include "greyd/shared/calls.h"
#include "greyd/shared/script_store.h"

namespace grey {
class FirstThrown;
}

namespace grey::shared {

// Told when something was forgotten by command, by whom it may concern.
class ForgetMarks {
 public:
  virtual ~ForgetMarks() = default;
  // The last time; 0: never.
  virtual Seconds forgotten(const SavedRecord& record) const = 0;
  // Whether it is known what the others have forgotten until now, or some moments ago. Where it is
  // not the store is not to be believed; then this sees to it that it soon is.
  virtual bool heard() = 0;
};

struct DeciderCounters {
  Count asked = 0;       // queries
  Count unanswered = 0;  // of those: decided by what is known here, also as too many were open
  Count told = 0;        // records
  Count untold = 0;      // records of which that failed: healing tells them again
};

class SharedDecider : public Decider, private Changes {
 public:
  // What it needs of the loop.
  struct Loop {
    // Waits for the store once, and lets what has come be told (EventLoop::step); for drain().
    std::function<void()> wait;
    // Sees that settle() is called soon: before anything is waited for (EventLoop::TurnEnd).
    std::function<void()> settle_soon;
  };

  // All by reference must outlive it. It must outlive the store's calls.
  SharedDecider(Service& service, ScriptStore& store, const Keys& keys, ForgetMarks& marks,
                DeciderCounters& counters, Loop loop);
  ~SharedDecider() override;

  void decide(std::span<const wire::Query> batch, Seconds now, Done done) override;
  void sent(std::span<const wire::Sent> told, Seconds now) override;
  void forget(std::span<const wire::Query> batch) noexcept override;
  void drain() override;

  // Service::wait_in_pool(); the store is told of it.
  void wait_in_pool(const SavedRecord& waiting, const Client& pool, Seconds now, const Ip& asker);

  // Decides whatever the store has answered, together: with one write to the journal, and one to
  // the store. What is thrown for want of memory costs that query its answer. What somebody throws
  // who is told of a decision is thrown when all have been told.
  void settle();
  // Whether records have changed by others than queries, an import: that has not been told.
  bool take_untold() { return std::exchange(untold_, false); }
  // How many queries are open.
  std::size_t open() const { return open_.size(); }

  // More than this of one query's recipients are asked about in several calls.
  static constexpr std::size_t kMostKeys = 64;
  // What comes while so many are open is decided by what is known here, and counts as unanswered.
  static constexpr std::size_t kMostOpen = 2000;

 private:
  // Who waits for a decision.
  struct Waiter {
    const wire::Query* query;
    std::size_t index;
    std::shared_ptr<Done> done;
  };
  // A query that the store has been asked about, and a call of it.
  struct Open;
  struct Part;
  using Opens = std::list<Open>;
  // A change of a record, kept for the store: its key there, or that of its number in the query.
  struct Change {
    std::string key;
    std::size_t number;
    RecordState record;
  };

  void note(const SavedRecord& change) noexcept override;
  void decide_here(const wire::Query& query, Seconds now, const Decider::Done& done);
  void ask(const wire::Query& query, std::size_t index, Seconds now,
           const std::shared_ptr<Done>& done);
  void fill(Open& open, const wire::Query& query);
  void add_group(Open& open, const wire::Query& query, const Client& client);
  void add_sent(Open& open, const wire::Query& query);
  void send(Open& open);
  void take(const Part& part, const std::vector<std::string>* answer) noexcept;
  void learn(const Open& open, std::size_t number);
  void conclude(Open& open) noexcept;
  void answer(Open& open, FirstThrown& thrown);
  Opens::iterator new_open();
  void release(Open& open) noexcept;
  void tell(const Open* open, Seconds now);
  void tell_pass(const std::vector<std::size_t>& passed, const Open& open, std::size_t client,
                 bool earns);

  Service& service_;
  ScriptStore& store_;
  const Keys& keys_;
  ForgetMarks& marks_;
  DeciderCounters& counters_;
  const Loop loop_;
  Opens open_, idle_;                                   // idle: their memory is used again
  std::unordered_map<std::uint64_t, Open*> questions_;  // that are open, by their id
  std::vector<Open*> answered_;                         // by the store, and to be decided
  KeyBuilder builder_;
  PoolsOfQuery pools_;                // of the query that is asked about
  Call call_;                         // being made
  std::vector<Change> changes_;       // of what is being decided
  const Open* concluding_ = nullptr;  // what that is
  bool settling_ = false;
  bool deciding_ = false;  // what changes is told by who decides
  bool untold_ = false;
  bool learning_ = false;  // from the store: that is no news to it
  std::shared_ptr<SharedDecider*> self_ = std::make_shared<SharedDecider*>(this);
};

}  // namespace grey::shared
