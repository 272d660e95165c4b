// The key of hashes over what strangers send.
#pragma once

#include <array>
#include <cstdint>

namespace grey {

using HashKey = std::array<std::uint8_t, 16>;  // secret; new for each process

HashKey new_hash_key();

}  // namespace grey
