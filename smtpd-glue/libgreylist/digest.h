// FNV-1a of 64 bits, in hexadecimal. Who would make two texts alike gains nothing.
//
// Part of libgreylist: no C++ runtime, no allocation.
#pragma once

#include <cstddef>
#include <string_view>

namespace grey::glue {

class Digest {
 public:
  static constexpr std::size_t kSize = 16;  // octets that write() writes

  void add(char c) { hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3; }
  void add(std::string_view text) {
    for (const char c : text) add(c);
  }
  // As addresses are compared: without case.
  void add_folded(std::string_view text) {
    for (const char c : text) add(c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c);
  }
  void write(char* out) const {
    unsigned long long hash = hash_;
    for (std::size_t i = 0; i < kSize; ++i, hash >>= 4) out[i] = "0123456789abcdef"[hash & 15];
  }

 private:
  unsigned long long hash_ = 0xcbf29ce484222325;
};

}  // namespace grey::glue
