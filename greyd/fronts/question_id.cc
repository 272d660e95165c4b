#include "greyd/fronts/question_id.h"

#include <sodium.h>

#include <array>
#include <cstring>

namespace grey {

std::uint64_t question_id(const HashKey& key, const Endpoint& peer, std::string_view text) {
  std::uint64_t id;
  static_assert(crypto_shorthash_BYTES == sizeof id);
  static_assert(crypto_shorthash_KEYBYTES == sizeof key);
  // The text's hash, then address and port.
  std::array<std::uint8_t, 8 + 16 + 2> whole;
  crypto_shorthash(whole.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                   key.data());
  std::memcpy(whole.data() + 8, peer.ip.bytes().data(), 16);
  std::memcpy(whole.data() + 24, &peer.port, 2);
  crypto_shorthash(reinterpret_cast<unsigned char*>(&id), whole.data(), whole.size(), key.data());
  return id != 0 ? id : 1;
}

}  // namespace grey
