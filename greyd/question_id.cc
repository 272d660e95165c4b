#include "greyd/question_id.h"

#include <sodium.h>

#include <array>
#include <cstring>

namespace grey {

std::uint64_t question_id(const HashKey& key, const Endpoint& source, std::string_view datagram) {
  std::uint64_t id;
  static_assert(crypto_shorthash_BYTES == sizeof id);
  static_assert(crypto_shorthash_KEYBYTES == sizeof key);
  // The datagram's hash, then address and port.
  std::array<std::uint8_t, 8 + 16 + 2> text;
  crypto_shorthash(text.data(), reinterpret_cast<const unsigned char*>(datagram.data()),
                   datagram.size(), key.data());
  std::memcpy(text.data() + 8, source.ip.bytes().data(), 16);
  std::memcpy(text.data() + 24, &source.port, 2);
  crypto_shorthash(reinterpret_cast<unsigned char*>(&id), text.data(), text.size(), key.data());
  return id != 0 ? id : 1;
}

}  // namespace grey
