// The key of hashes over what strangers send.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace grey {

using HashKey = std::array<std::uint8_t, 16>;  // secret; new for each process

HashKey new_hash_key();

// SipHash-2-4: whoever does not know the key can aim at no value.
std::uint64_t keyed_hash(const HashKey& key, std::string_view of);

}  // namespace grey
