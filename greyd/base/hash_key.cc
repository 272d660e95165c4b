#include "greyd/base/hash_key.h"

#include <sodium.h>

#include <cstring>

namespace grey {

HashKey new_hash_key() {
  HashKey key;
  randombytes_buf(key.data(), key.size());
  return key;
}

std::uint64_t keyed_hash(const HashKey& key, std::string_view of) {
  static_assert(crypto_shorthash_KEYBYTES == sizeof(HashKey));
  unsigned char result[crypto_shorthash_BYTES];
  crypto_shorthash(result, reinterpret_cast<const unsigned char*>(of.data()), of.size(),
                   key.data());
  std::uint64_t hash;
  static_assert(sizeof hash == crypto_shorthash_BYTES);
  std::memcpy(&hash, result, sizeof hash);
  return hash;
}

}  // namespace grey
