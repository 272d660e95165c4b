// SipHash-2-4 with an output of 128 bits (Aumasson and Bernstein): a MAC for short messages under a
// secret key. What libsodium has as crypto_shorthash_siphashx24, for who is to need libc only.
//
// Part of grey_wire: nothing here may throw or allocate.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace grey::wire {

constexpr std::size_t kSecretSize = 16;  // octets
using Secret = std::array<std::uint8_t, kSecretSize>;

constexpr std::size_t kMacSize = 16;  // octets
using Mac = std::array<std::uint8_t, kMacSize>;

Mac mac_of(const Secret& secret, std::string_view text);

// Takes as long for any two: who guesses learns nothing from the time.
bool is_same(const Mac& one, const Mac& other);

}  // namespace grey::wire
