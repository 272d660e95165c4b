// What is known of domains, for as long as it holds, within bounds: of 20,000 domains, and of 16
// MB. Also what is not there, and what could not be found out: that is not asked for again at once.
// Who has not been looked at goes first for others. Pure.
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
  // What has become of it. A temporary failure leaves what holds. How many others had to go.
  std::size_t put(const std::string& domain, const spf::Flattened& flattened, Seconds now);

  std::size_t size() const { return domains_.size(); }
  std::size_t octets() const { return octets_; }

 private:
  struct Entry;
  using Domains = std::map<std::string, Entry, std::less<>>;
  using Order = std::list<Domains::iterator>;
  struct Entry {
    Known known;
    std::size_t octets = 0;
    Order::iterator place{};
    mutable bool used = false;  // since it was last at the front
  };

  void remove(Domains::iterator at);
  std::size_t make_room();

  Bounds bounds_;
  Domains domains_;
  Order order_;  // the next to go is the last
  std::size_t octets_ = 0;
};

}  // namespace grey
