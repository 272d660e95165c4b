#include "greyd/wire/mac.h"

namespace grey::wire {
namespace {

using Word = std::uint64_t;

constexpr Word rotated(Word word, int bits) {
  return word << bits | word >> (64 - bits);
}

// Least significant octet first, `count` of them.
Word word_at(const char* octets, std::size_t count) {
  Word word = 0;
  for (std::size_t i = 0; i < count; ++i) {
    word |= Word(static_cast<unsigned char>(octets[i])) << (8 * i);
  }
  return word;
}

struct State {
  Word v0, v1, v2, v3;

  void turn(int rounds) {
    for (int i = 0; i < rounds; ++i) {
      v0 += v1, v1 = rotated(v1, 13) ^ v0, v0 = rotated(v0, 32);
      v2 += v3, v3 = rotated(v3, 16) ^ v2;
      v0 += v3, v3 = rotated(v3, 21) ^ v0;
      v2 += v1, v1 = rotated(v1, 17) ^ v2, v2 = rotated(v2, 32);
    }
  }
  void add(Word word) {
    v3 ^= word;
    turn(2);
    v0 ^= word;
  }
  Word end() {
    turn(4);
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

void write_word(Word word, std::uint8_t* out) {
  for (int i = 0; i < 8; ++i) out[i] = std::uint8_t(word >> (8 * i));
}

}  // namespace

Mac mac_of(const Secret& secret, std::string_view text) {
  const char* const key = reinterpret_cast<const char*>(secret.data());
  const Word k0 = word_at(key, 8), k1 = word_at(key + 8, 8);
  // "somepseudorandomlygeneratedbytes", and 0xee for the longer output.
  State state{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d ^ 0xee, k0 ^ 0x6c7967656e657261,
              k1 ^ 0x7465646279746573};
  const std::size_t rest = text.size() % 8;
  const char* at = text.data();
  for (std::size_t words = text.size() / 8; words > 0; --words, at += 8) state.add(word_at(at, 8));
  state.add(Word(text.size()) << 56 | word_at(at, rest));

  Mac mac;
  state.v2 ^= 0xee;
  write_word(state.end(), mac.data());
  state.v1 ^= 0xdd;
  write_word(state.end(), mac.data() + 8);
  return mac;
}

bool is_same(const Mac& one, const Mac& other) {
  unsigned differs = 0;
  for (std::size_t i = 0; i < kMacSize; ++i) differs |= unsigned(one[i] ^ other[i]);
  return differs == 0;
}

}  // namespace grey::wire
