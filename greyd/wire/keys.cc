#include "greyd/wire/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

namespace grey::wire {
namespace {

constexpr bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

// The next word of `line`, which is then behind it; empty: there is no other.
std::string_view next_word(std::string_view& line) {
  while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
  std::size_t size = 0;
  while (size < line.size() && !is_space(line.data()[size])) ++size;
  const std::string_view word(line.data(), size);
  line.remove_prefix(size);
  return word;
}

// Up to `end`, which is then behind it, or all.
std::string_view take_until(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  const bool found = at != std::string_view::npos;
  const std::string_view part(text.data(), found ? at : text.size());
  text.remove_prefix(found ? at + 1 : text.size());
  return part;
}

// What is wrong with a line; null: nothing.
const char* take_line(std::string_view line, KeyRing& ring) {
  line = take_until(line, '#');
  const std::string_view id = next_word(line), digits = next_word(line);
  if (id.empty()) return nullptr;
  if (!is_key_id(id)) return "the first word is no ID: 1 to 16 of A-Z a-z 0-9 _ -";
  Key key;
  if (digits.size() != 2 * kSecretSize || !read_digits(digits, key.secret.data())) {
    return "the second word is no KEY: 32 hexadecimal digits";
  }
  if (!next_word(line).empty()) return "there is more than an ID and a KEY";
  if (ring.find(id) != nullptr) return "the ID stands there twice";
  if (ring.count == kMaxKeys) return "there are more than 16 keys";
  memcpy(key.name.data(), id.data(), id.size());
  key.name_size = id.size();
  ring.keys[ring.count++] = key;
  return nullptr;
}

const char* mode_fault(const struct stat& status) {
  if (!S_ISREG(status.st_mode)) return "is no regular file";
  if ((status.st_mode & S_IRWXO) != 0) return "anybody may use it: chmod o= it";
  if ((status.st_mode & S_IWGRP) != 0) return "its group may write to it: chmod g-w it";
  if (status.st_size > off_t(kMaxKeyFile)) return "is longer than 8192 octets";
  return nullptr;
}

std::optional<KeyFileFault> read_open_file(int fd, KeyRing& ring) {
  struct stat status;
  if (fstat(fd, &status) != 0) return KeyFileFault{"", 0, errno};
  if (const char* const fault = mode_fault(status)) return KeyFileFault{fault, 0, 0};
  char text[kMaxKeyFile + 1];
  std::size_t size = 0;
  while (size < sizeof text) {
    const ssize_t got = read(fd, text + size, sizeof text - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return KeyFileFault{"", 0, errno};
    if (got == 0) break;
    size += std::size_t(got);
  }
  if (size > kMaxKeyFile) return KeyFileFault{"is longer than 8192 octets", 0, 0};
  const auto fault = parse_keys({text, size}, ring);
  explicit_bzero(text, sizeof text);
  return fault;
}

}  // namespace

const Key* KeyRing::find(std::string_view id) const {
  for (const Key& key : *this) {
    if (key.id() == id) return &key;
  }
  return nullptr;
}

bool read_digits(std::string_view digits, std::uint8_t* octets) {
  if (digits.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const char c = digits.data()[i];
    unsigned value;
    if (c >= '0' && c <= '9') {
      value = unsigned(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      value = unsigned(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      value = unsigned(c - 'A' + 10);
    } else {
      return false;
    }
    octets[i / 2] = std::uint8_t(i % 2 == 0 ? value << 4 : octets[i / 2] | value);
  }
  return true;
}

void write_digits(const std::uint8_t* octets, std::size_t count, char* out) {
  for (std::size_t i = 0; i < count; ++i) {
    *out++ = "0123456789abcdef"[octets[i] >> 4];
    *out++ = "0123456789abcdef"[octets[i] & 15];
  }
}

std::optional<KeyFileFault> parse_keys(std::string_view text, KeyRing& ring) {
  ring = {};
  for (unsigned line = 1; !text.empty(); ++line) {
    if (const char* const fault = take_line(take_until(text, '\n'), ring)) {
      return KeyFileFault{fault, line, 0};
    }
  }
  if (ring.empty()) return KeyFileFault{"there is no key in it", 0, 0};
  return std::nullopt;
}

std::optional<KeyFileFault> read_key_file(const char* path, KeyRing& ring) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return KeyFileFault{"", 0, errno};
  const auto fault = read_open_file(fd, ring);
  close(fd);
  return fault;
}

}  // namespace grey::wire
