// Finds the pools of a query, and keeps what has to wait for them: triplets of senders whose
// domain's networks are not known yet. Of these the networks are asked for when the client has been
// deferred, never before it is answered; when they become known, and the client is in them, the
// triplet is noted under the pool as well (Greylist::wait_in_pool).
//
// Bounded, whoever asks: what is over is dropped and counted, and costs its sender a pool. A lookup
// that has not ended in kLife is given up.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "greyd/base/counters.h"
#include "greyd/core/decider.h"
#include "greyd/core/pools.h"
#include "greyd/core/record.h"
#include "greyd/core/sender_networks.h"
#include "greyd/pools/name_parents.h"

namespace grey {

// Whether the policy has pools of that kind. By name none where a triplet does not say which
// message waits: all that comes from below a name would be let in by what one of them has waited
// for.
bool use_pools_by_name(const Policy& policy);
bool use_pools_by_spf(const Policy& policy);

class PoolKeeper : public PoolFinder {
 public:
  static constexpr std::size_t kMostWaiting = 4096;
  static constexpr std::size_t kMostOfNetwork = 64;  // a client's /24, or /48
  static constexpr std::size_t kMostOfDomain = 256;
  static constexpr std::size_t kMostOfQuery = 16;
  static constexpr Seconds kLife = 15 * 60;

  // Told of a triplet that waits, and turns out to be one of that pool's. `asker`: as of a query.
  using WaitInPool = std::function<void(const SavedRecord& waiting, const Client& pool, Seconds now,
                                        const Ip& asker)>;

  // `parents`: nothing where there are to be no pools by name, and no replies by it. `networks`:
  // null where nobody asks the DNS; then there are none by SPF. It must outlive this, as must
  // `counters`.
  PoolKeeper(const Policy& policy, std::optional<NameParents> parents, SenderNetworks* networks,
             PoolCounters& counters, WaitInPool wait_in_pool);
  ~PoolKeeper() override;
  PoolKeeper(const PoolKeeper&) = delete;
  PoolKeeper& operator=(const PoolKeeper&) = delete;

  void find(const wire::Query& query, Seconds now, PoolsOfQuery& pools) const override;
  bool is_host_of_sender(const wire::Query& query) const override;
  // What has been decided, before anybody is answered. Does not throw: without memory there is no
  // pool.
  void decided(const wire::Query& query, const Decided& decision, Seconds now) noexcept;

  // One of ours has written there: its networks are good to know when the answer comes.
  void sent(std::string_view theirs, Seconds now) noexcept;

  std::size_t waiting() const { return waiting_.size(); }

 private:
  // A triplet that waits for its domain's networks.
  struct Waiting {
    std::string domain, sender, recipient;
    Ip client, asker, network;
    Seconds since;
  };
  using Place = std::list<Waiting>::iterator;
  struct Triplet {
    Ip client;
    std::string_view sender, recipient;
    auto operator<=>(const Triplet&) const = default;
  };
  // Sorted, as what is in them is for anybody to choose.
  struct ByTriplet {
    using is_transparent = void;
    static Triplet of(const Triplet& triplet) { return triplet; }
    static Triplet of(Place at) { return {at->client, at->sender, at->recipient}; }
    bool operator()(const auto& one, const auto& other) const { return of(one) < of(other); }
  };
  using Places = std::set<Place, ByTriplet>;

  bool wait(const wire::Query& query, std::string_view recipient, Seconds now);
  void learned(std::string_view domain, const NetworkSet& networks);
  void drop(Place at);
  void drop_old(Seconds now);

  const std::optional<NameParents> parents_;
  const bool pools_by_name_;
  SenderNetworks* const networks_;
  PoolCounters& counters_;
  const WaitInPool wait_in_pool_;
  std::list<Waiting> waiting_;  // the oldest first
  std::map<std::string, Places, std::less<>> of_domain_;
  std::map<Ip, std::size_t> of_network_;
  Seconds now_ = 0;     // of the last decision
  std::string domain_;  // of the query that has been decided
};

// Before the one who decides: tells the keeper what has been decided.
class PooledDecider : public Decider {
 public:
  // Both must outlive it.
  PooledDecider(Decider& decider, PoolKeeper& keeper) : decider_(decider), keeper_(keeper) {}

  void decide(std::span<const wire::Query> batch, Seconds now, Done done) override {
    decider_.decide(
        batch, now,
        [this, batch, now, done = std::move(done)](std::size_t i, const Decided& decided) {
          keeper_.decided(batch[i], decided, now);
          done(i, decided);
        });
  }
  void forget(std::span<const wire::Query> batch) noexcept override { decider_.forget(batch); }
  void sent(std::span<const wire::Sent> told, Seconds now) override;
  void drain() override { decider_.drain(); }

 private:
  Decider& decider_;
  PoolKeeper& keeper_;
};

}  // namespace grey
