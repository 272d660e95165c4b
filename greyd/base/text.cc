#include "greyd/base/text.h"

#include <algorithm>
#include <array>

namespace grey {
namespace {

// A table: each byte of each address that is logged or saved is looked up here.
constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (unsigned c = ' ' + 1; c < 0x7f; ++c) plain[c] = c != '%' && c != '<' && c != ',';
  return plain;
}();

bool is_plain(unsigned char c) {
  return kPlain[c];
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void append_word(std::string& out, std::string_view bytes) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  if (bytes.empty()) {
    out += "<>";
    return;
  }
  std::size_t from = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    if (is_plain(c)) continue;
    out.append(bytes, from, i - from);
    const char escaped[3] = {'%', kHex[c >> 4], kHex[c & 15]};
    out.append(escaped, 3);
    from = i + 1;
  }
  out.append(bytes, from, bytes.size() - from);
}

std::string to_word(std::string_view bytes) {
  std::string word;
  append_word(word, bytes);
  return word;
}

bool is_plain_word(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return is_plain(static_cast<unsigned char>(c));
  });
}

std::optional<std::string> read_word(std::string_view word) {
  if (word == "<>") return std::string();
  if (word.empty()) return std::nullopt;
  std::string bytes;
  bytes.reserve(word.size());
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (word[i] != '%') {
      if (!is_plain(static_cast<unsigned char>(word[i]))) return std::nullopt;
      bytes += word[i];
      continue;
    }
    if (word.size() - i < 3) return std::nullopt;
    const int high = hex_value(word[i + 1]);
    const int low = hex_value(word[i + 2]);
    if (high < 0 || low < 0 || high + low == 0) return std::nullopt;
    bytes += char(high * 16 + low);
    i += 2;
  }
  return bytes;
}

std::string to_lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = to_lower(c);
  return result;
}

}  // namespace grey
