#include "greyd/lookups/network_cache.h"

#include <iterator>
#include <utility>

namespace grey {
namespace {

// Of a node of the map, two of lists, one of a network, and what the heap adds.
constexpr std::size_t kOfEntry = 400;
// More than one part in so many is much for one network: then its own go.
constexpr std::size_t kSharesOfAll = 16;
// Who was looked at is passed over, but not by so many that nobody goes.
constexpr int kMostPassedOver = 8;

std::unique_ptr<const NetworkSet> set_of(const std::vector<Network>& networks) {
  if (networks.empty()) return nullptr;
  auto set = std::make_unique<NetworkSet>();
  for (const Network& network : networks) set->add(network);
  set->build();
  return set;
}

}  // namespace

const NetworkSet& NetworkCache::Known::set() const {
  static const NetworkSet kNone = [] {
    NetworkSet none;
    none.build();
    return none;
  }();
  return networks ? *networks : kNone;
}

const NetworkCache::Known* NetworkCache::find(std::string_view domain, Seconds now) const {
  const auto at = domains_.find(domain);
  if (at == domains_.end() || !at->second.known.holds(now)) return nullptr;
  at->second.used = true;
  return &at->second.known;
}

bool NetworkCache::is_due(std::string_view domain, Seconds now) const {
  const auto at = domains_.find(domain);
  if (at == domains_.end()) return true;
  const Known& known = at->second.known;
  // A clock that was set back leaves nothing for years.
  if (now < known.since) return true;
  if (known.ended == spf::Ended::temporary) return now >= known.until;
  // Its last tenth: who is asked for often is never without.
  return now >= known.until - (known.until - known.since) / 10;
}

std::size_t NetworkCache::put(const std::string& domain, const spf::Flattened& flattened,
                              Seconds now, const Ip& by) {
  const bool temporary = flattened.ended == spf::Ended::temporary;
  const auto old = domains_.find(domain);
  if (old != domains_.end()) {
    if (temporary && old->second.known.holds(now)) return 0;
    remove(old);
  }
  Entry entry;
  entry.known = {flattened.ended, now, now + (temporary ? kPause : flattened.ttl),
                 set_of(flattened.networks)};
  entry.octets = kOfEntry + domain.size();
  if (entry.known.networks) entry.octets += sizeof(NetworkSet) + entry.known.networks->memory();
  // Nodes first: without memory it is as if nothing had been known.
  Order place(1), place_of_share(1);
  entry.share = shares_.try_emplace(by).first;
  const auto at = domains_.emplace(domain, std::move(entry)).first;
  place.front() = place_of_share.front() = at;
  at->second.place = place.begin();
  at->second.place_of_share = place_of_share.begin();
  Share& share = at->second.share->second;
  order_.splice(order_.begin(), place);
  share.order.splice(share.order.begin(), place_of_share);
  share.octets += at->second.octets;
  octets_ += at->second.octets;
  return make_room(by);
}

void NetworkCache::remove(Domains::iterator at) {
  const auto share = at->second.share;
  octets_ -= at->second.octets;
  share->second.octets -= at->second.octets;
  order_.erase(at->second.place);
  share->second.order.erase(at->second.place_of_share);
  if (share->second.order.empty()) shares_.erase(share);
  domains_.erase(at);
}

bool NetworkCache::is_full() const {
  return domains_.size() > bounds_.domains || octets_ > bounds_.octets;
}

bool NetworkCache::is_large(const Share& share) const {
  return share.order.size() > bounds_.domains / kSharesOfAll ||
         share.octets > bounds_.octets / kSharesOfAll;
}

void NetworkCache::to_front(Domains::iterator at) {
  Order& of_share = at->second.share->second.order;
  order_.splice(order_.begin(), order_, at->second.place);
  of_share.splice(of_share.begin(), of_share, at->second.place_of_share);
}

std::size_t NetworkCache::make_room(const Ip& by) {
  std::size_t gone = 0;
  while (domains_.size() > 1 && is_full()) {
    const auto own = by == Ip() ? shares_.end() : shares_.find(by);
    const bool large =
        own != shares_.end() && own->second.order.size() > 1 && is_large(own->second);
    const Order& order = large ? own->second.order : order_;
    for (int i = 0; i < kMostPassedOver && order.back()->second.used; ++i) {
      order.back()->second.used = false;
      to_front(order.back());
    }
    remove(order.back());
    ++gone;
  }
  return gone;
}

}  // namespace grey
