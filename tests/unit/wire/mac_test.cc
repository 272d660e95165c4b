#include "greyd/wire/mac.h"

#include <doctest/doctest.h>
#include <sodium.h>

#include <string>

#include "greyd/wire/keys.h"

using namespace grey::wire;

namespace {

Secret counting() {
  Secret secret;
  for (std::size_t i = 0; i < secret.size(); ++i) secret[i] = std::uint8_t(i);
  return secret;
}

std::string digits_of(const Mac& mac) {
  std::string digits(2 * mac.size(), '\0');
  write_digits(mac.data(), mac.size(), digits.data());
  return digits;
}

}  // namespace

// vectors_sip128 of the authors' own program (github.com/veorq/SipHash, CC0): the key is 00 01 ..
// 0f, the text as many octets 00 01 02 ...
TEST_CASE("a MAC is that of the published vectors") {
  std::string text;
  const char* const expected[] = {
      "a3817f04ba25a8e66df67214c7550293", "da87c1d86b99af44347659119b22fc45",
      "8177228da4a45dc7fca38bdef60affe4", "9c70b60c5267a94e5f33b6b02985ed51",
      "f88164c12d9c8faf7d0f6e7c7bcd5579", "1368875980776f8854527a07690e9627",
      "14eeca338b208613485ea0308fd7a15e", "a1f1ebbed8dbc153c0b84aa61ff08239"};
  for (const char* const digits : expected) {
    CHECK(digits_of(mac_of(counting(), text)) == digits);
    text += char(text.size());
  }
}

TEST_CASE("a MAC is libsodium's, whatever the length") {
  REQUIRE(sodium_init() >= 0);
  static_assert(crypto_shorthash_siphashx24_BYTES == kMacSize);
  static_assert(crypto_shorthash_siphashx24_KEYBYTES == kSecretSize);
  for (std::size_t size = 0; size < 700; size += size < 80 ? 1 : 37) {
    Secret secret;
    std::string text(size, '\0');
    randombytes_buf(secret.data(), secret.size());
    randombytes_buf(text.data(), text.size());
    Mac theirs;
    crypto_shorthash_siphashx24(theirs.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                text.size(), secret.data());
    CHECK(mac_of(secret, text) == theirs);
  }
}

TEST_CASE("MACs that differ anywhere are not the same") {
  const Mac mac = mac_of(counting(), "x");
  CHECK(is_same(mac, mac));
  for (std::size_t bit = 0; bit < 8 * kMacSize; ++bit) {
    Mac other = mac;
    other[bit / 8] = std::uint8_t(other[bit / 8] ^ (1u << (bit % 8)));
    CHECK_FALSE(is_same(mac, other));
  }
}
