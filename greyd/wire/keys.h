// The keys that queries are signed with, and the file that they are in: the daemon's --key-file,
// the glue's GREYKEYFILE. One form for both, and one reader.
//
//   # whom it is for
//   mx1-2026 000102030405060708090a0b0c0d0e0f
//   mx1-2025 0f0e0d0c0b0a09080706050403020100
//
// Lines of an ID, 1 to 16 of A-Z a-z 0-9 _ -, and a KEY, 32 hexadecimal digits, with spaces or tabs
// between them; what follows a '#' is a comment. Queries are sent with the first; all are taken. So
// a key is changed without a query lost: the new one is put behind the old one in the daemon's
// file, then before it in the askers', and then the old one is taken away.
//
// Who can read the file can ask as anybody who has the key. So it is not taken when more can read
// it than its owner and its group, or more can write there than its owner.
//
// Part of grey_wire: nothing here may throw or allocate.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "greyd/wire/mac.h"

namespace grey::wire {

constexpr std::size_t kMaxKeyId = 16;
constexpr std::size_t kMaxKeys = 16;       // in a file
constexpr std::size_t kMaxKeyFile = 8192;  // octets

struct Key {
  std::array<char, kMaxKeyId> name{};
  std::size_t name_size = 0;
  Secret secret{};

  std::string_view id() const { return {name.data(), name_size}; }
};

struct KeyRing {
  std::array<Key, kMaxKeys> keys{};
  std::size_t count = 0;

  bool empty() const { return count == 0; }
  const Key& first() const { return keys[0]; }  // REQUIRES: not empty
  const Key* begin() const { return keys.data(); }
  const Key* end() const { return keys.data() + count; }
  // Null: there is none.
  const Key* find(std::string_view id) const;
};

// What is wrong with a file of keys.
struct KeyFileFault {
  const char* what = "";  // "is no key: 32 hexadecimal digits". Never has any of the file
  unsigned line = 0;      // counted from 1; 0: the whole file
  int error_number = 0;   // of the system, when that would not give it; or 0
};

constexpr bool is_key_id(std::string_view id) {
  if (id.empty() || id.size() > kMaxKeyId) return false;
  for (const char c : id) {
    const bool fits = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-';
    if (!fits) return false;
  }
  return true;
}

// The value of `digits`, hexadecimal in either case, in `octets`, half as many. False, and nothing
// of use there, when they are something else.
bool read_digits(std::string_view digits, std::uint8_t* octets);
// `count` octets as twice as many digits.
void write_digits(const std::uint8_t* octets, std::size_t count, char* out);

// Of a file's text. `ring` has its keys when nothing is returned.
std::optional<KeyFileFault> parse_keys(std::string_view text, KeyRing& ring);

// Opens, judges and reads the file. It is never waited for, as of a FIFO; a link is followed.
std::optional<KeyFileFault> read_key_file(const char* path, KeyRing& ring);

}  // namespace grey::wire
