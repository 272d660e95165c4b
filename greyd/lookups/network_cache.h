// What is known of domains, for as long as it holds, within bounds: of 20,000 domains, and of 16
// MB. Also what is not there, and what could not be found out: that is not asked for again at once.
// Who has not been looked at goes first for others: of all, or of those that one client's network
// has brought, where it has brought more than a sixteenth of what there is room for. Pure.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/seconds.h"
#include "greyd/lists/network_set.h"
#include "greyd/spf/flattened.h"
#include "greyd/wire/ip.h"

namespace grey {

class NetworkCache {
 public:
  struct Bounds {
    std::size_t domains = 20'000;
    std::size_t octets = 16 << 20;  // as they are counted here, about what the heap has for it
  };
  // After a temporary failure it is not asked for again before.
  static constexpr Seconds kPause = 60;

  struct Known {
    spf::Ended ended{};
    Seconds since = 0;  // when it became known
    Seconds until = 0;  // it holds before that; temporary: it is not asked for again before that
    std::unique_ptr<const NetworkSet> networks{};  // absent: none

    const NetworkSet& set() const;
    bool holds(Seconds now) const { return ended != spf::Ended::temporary && now < until; }
  };

  NetworkCache() = default;
  explicit NetworkCache(const Bounds& bounds) : bounds_(bounds) {}
  NetworkCache(const NetworkCache&) = delete;
  NetworkCache& operator=(const NetworkCache&) = delete;

  // Null where nothing is known, or what was does not hold any more. Valid until the next call of
  // put().
  const Known* find(std::string_view domain, Seconds now) const;
  // Whether it is to be asked for: it is not known, or not for long, and was not asked for in vain
  // just now.
  bool is_due(std::string_view domain, Seconds now) const;
  // What has become of it. A temporary failure leaves what holds. `by`: the network of the client
  // for whom it was asked; Ip(): one of ours. How many others had to go.
  std::size_t put(const std::string& domain, const spf::Flattened& flattened, Seconds now,
                  const Ip& by = Ip());

  std::size_t size() const { return domains_.size(); }
  std::size_t octets() const { return octets_; }

 private:
  struct Entry;
  using Domains = std::map<std::string, Entry, std::less<>>;
  using Order = std::list<Domains::iterator>;  // the next to go is the last
  // Those of one network.
  struct Share {
    Order order;
    std::size_t octets = 0;
  };
  using Shares = std::map<Ip, Share>;
  struct Entry {
    Known known;
    std::size_t octets = 0;
    Order::iterator place{}, place_of_share{};
    Shares::iterator share{};
    mutable bool used = false;  // since it was last at the front of either
  };

  bool is_full() const;
  bool is_large(const Share& share) const;
  void to_front(Domains::iterator at);
  void remove(Domains::iterator at);
  std::size_t make_room(const Ip& by);

  Bounds bounds_;
  Domains domains_;
  Order order_;
  Shares shares_;  // each has something, unless there was no memory for it
  std::size_t octets_ = 0;
};

}  // namespace grey
