#include "greyd/base/hash_key.h"

#include <sodium.h>

namespace grey {

HashKey new_hash_key() {
  HashKey key;
  randombytes_buf(key.data(), key.size());
  return key;
}

}  // namespace grey
