#include "greyd/lookups/network_cache.h"

#include <iterator>
#include <utility>

namespace grey {
namespace {

// Of a node of the map, one of the list, and what the heap adds.
constexpr std::size_t kOfEntry = 240;
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
                              Seconds now) {
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
  const auto at = domains_.emplace(domain, std::move(entry)).first;
  order_.push_front(at);
  at->second.place = order_.begin();
  octets_ += at->second.octets;
  return make_room();
}

void NetworkCache::remove(Domains::iterator at) {
  octets_ -= at->second.octets;
  order_.erase(at->second.place);
  domains_.erase(at);
}

std::size_t NetworkCache::make_room() {
  std::size_t gone = 0;
  while (domains_.size() > 1 && (domains_.size() > bounds_.domains || octets_ > bounds_.octets)) {
    for (int i = 0; i < kMostPassedOver && order_.back()->second.used; ++i) {
      order_.back()->second.used = false;
      order_.splice(order_.begin(), order_, std::prev(order_.end()));
    }
    remove(order_.back());
    ++gone;
  }
  return gone;
}

}  // namespace grey
