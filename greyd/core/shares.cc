#include "greyd/core/shares.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "greyd/core/key.h"

namespace grey {
namespace {

constexpr std::size_t kTries = 8;  // places that an asker may have
constexpr unsigned kIpv4Bits = 24, kIpv6Bits = 48;

static_assert((Shares::kCells & (Shares::kCells - 1)) == 0 && Shares::kCells <= 65536);

std::uint64_t hash_of(const void* octets, std::size_t size, const HashKey& key) {
  return keyed_hash(key, {static_cast<const char*>(octets), size});
}

std::size_t at_least(std::size_t share) {
  return std::max(share, Shares::kLeast);
}

using NetworkOctets = std::array<unsigned char, 17>;  // one of another's, then up to 16

std::size_t write_network(const Ip& client, NetworkOctets& to) {
  const Ip of = client.client_network(kIpv4Bits, kIpv6Bits);
  if (client.is_v4()) {
    std::memcpy(&to[1], of.bytes().data() + 12, kIpv4Bits / 8);
    return kIpv4Bits / 8;
  }
  std::memcpy(&to[1], of.bytes().data(), of.bytes().size());
  return of.bytes().size();
}

// The network of a key's client; how many octets, which differ from kind to kind. 0: it has none.
std::size_t write_network(std::string_view key, NetworkOctets& to, const HashKey& hash_key) {
  if (const std::string_view ipv4 = ipv4_of_key(key); !ipv4.empty()) {
    constexpr std::size_t kOctets = kIpv4Bits / 8;
    std::memcpy(&to[1], ipv4.data(), kOctets);
    return kOctets;
  }
  const std::optional<Client> client = client_of_key(key);
  if (!client || client->is_sent()) return 0;
  if (client->has_address()) return write_network(client->ip, to);
  const std::uint64_t name = hash_of(client->name->data(), client->name->size(), hash_key);
  std::memcpy(&to[1], &name, sizeof name);
  return sizeof name;
}

Shares::Cells cells_at(std::uint64_t hash) {
  return {std::uint16_t(hash % Shares::kCells), std::uint16_t((hash >> 32) % Shares::kCells)};
}

}  // namespace

Shares::Shares(std::size_t triplet_room, std::size_t client_room, std::size_t sent_room,
               const HashKey& hash_key)
    : hash_key_(hash_key),
      room_{triplet_room, client_room, sent_room},
      network_share_{at_least(triplet_room / kParts), at_least(client_room / kParts), 0},
      rows_(std::make_unique<std::array<Row, kRows>>()) {}

Shares::Asker Shares::place_of(const Ip& asker) {
  if (asker == Ip()) return kNobody;
  if (last_ != kNobody && askers_[last_].asker == asker && !askers_[last_].is_free()) return last_;
  std::uint64_t hash = hash_of(asker.bytes().data(), asker.bytes().size(), hash_key_);
  Asker free = kOthers;
  for (std::size_t i = 0; i < kTries; ++i, hash >>= 8) {
    const Asker at = Asker(1 + (hash & 0xff) % kAskers);
    if (askers_[at].is_free()) {
      if (free == kOthers) free = at;
    } else if (askers_[at].asker == asker) {
      return last_ = at;
    }
  }
  if (free != kOthers) askers_[free].asker = asker;
  return free;
}

Shares::Load Shares::load_of(std::string_view key, Kind kind, Asker asker,
                             std::uint32_t weight) const {
  Load load{kind, {}, false, asker, weight};
  NetworkOctets network;
  network[0] = static_cast<unsigned char>(kind);
  const std::size_t size = 1 + write_network(key, network, hash_key_);
  if (size == 1) return load;
  load.has_network = true;
  load.cells = cells_at(hash_of(network.data(), size, hash_key_));
  return load;
}

Shares::Cells Shares::cells_of(const Ip& client, Kind kind) const {
  NetworkOctets network;
  network[0] = static_cast<unsigned char>(kind);
  const std::size_t size = 1 + write_network(client, network);
  return cells_at(hash_of(network.data(), size, hash_key_));
}

std::size_t Shares::asker_share(Kind kind, Asker asker) const {
  const auto k = std::size_t(kind);
  const std::size_t among = holding_[k] + (askers_[asker].held[k] == 0 ? 1 : 0);
  return at_least(room_[k] / among);
}

std::uint64_t Shares::held(const Load& load) const {
  return std::min((*rows_)[0][load.cells[0]], (*rows_)[1][load.cells[1]]);
}

std::uint64_t Shares::held(const Ip& asker, Kind kind) const {
  for (std::size_t at = kNobody + 1; at < kOthers; ++at) {
    if (askers_[at].is_free()) continue;
    if (askers_[at].asker == asker) return askers_[at].held[std::size_t(kind)];
  }
  return 0;
}

bool Shares::has_room(const Load& load) const {
  const auto kind = std::size_t(load.kind);
  if (load.has_network && held(load) + load.weight > network_share_[kind]) return false;
  return load.asker == kNobody ||
         askers_[load.asker].held[kind] + load.weight <= asker_share(load.kind, load.asker);
}

void Shares::add(const Load& load) {
  const auto kind = std::size_t(load.kind);
  if (load.has_network) {
    for (std::size_t row = 0; row < kRows; ++row) (*rows_)[row][load.cells[row]] += load.weight;
  }
  if (load.asker == kNobody) return;
  std::uint32_t& held = askers_[load.asker].held[kind];
  if (held == 0) ++holding_[kind];
  held += load.weight;
}

void Shares::remove(const Load& load) {
  const auto kind = std::size_t(load.kind);
  if (load.has_network) {
    for (std::size_t row = 0; row < kRows; ++row) {
      assert((*rows_)[row][load.cells[row]] >= load.weight);
      (*rows_)[row][load.cells[row]] -= load.weight;
    }
  }
  if (load.asker == kNobody) return;
  std::uint32_t& held = askers_[load.asker].held[kind];
  assert(held >= load.weight);
  held -= load.weight;
  if (held == 0) --holding_[kind];
}

}  // namespace grey
