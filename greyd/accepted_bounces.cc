#include "greyd/accepted_bounces.h"

#include <sodium.h>

#include <cstring>

namespace grey {

AcceptedBounces::AcceptedBounces() {
  crypto_shorthash_keygen(key_.data());
}

AcceptedBounces::Hash AcceptedBounces::hash_of(const Endpoint& source,
                                               std::string_view datagram) const {
  static_assert(crypto_shorthash_BYTES == sizeof(Hash));
  static_assert(crypto_shorthash_KEYBYTES == sizeof key_);
  // The datagram's hash, then address and port.
  std::array<std::uint8_t, 8 + 16 + 2> text;
  crypto_shorthash(text.data(), reinterpret_cast<const unsigned char*>(datagram.data()),
                   datagram.size(), key_.data());
  std::memcpy(text.data() + 8, source.ip.bytes().data(), 16);
  std::memcpy(text.data() + 24, &source.port, 2);
  Hash hash;
  crypto_shorthash(reinterpret_cast<unsigned char*>(&hash), text.data(), text.size(), key_.data());
  return hash;
}

void AcceptedBounces::remember(const Endpoint& source, std::string_view datagram, Seconds now) {
  const Hash hash = hash_of(source, datagram);
  if (!times_.insert_or_assign(hash, now).second) return;
  if (order_.size() < kMost) {
    order_.push_back(hash);
    return;
  }
  times_.erase(order_[oldest_]);
  order_[oldest_] = hash;
  oldest_ = (oldest_ + 1) % kMost;
}

bool AcceptedBounces::contains(const Endpoint& source, std::string_view datagram,
                               Seconds now) const {
  const auto found = times_.find(hash_of(source, datagram));
  return found != times_.end() && now - found->second <= kLife;
}

}  // namespace grey
