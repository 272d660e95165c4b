// Bytes from outside as one printable word, for the log and for the context file: everything but
// printable ASCII, and of that '%', '<' and ',', becomes %XX; the empty text becomes "<>". So a
// word never has white space in it, and a list of words can be separated by commas.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace grey {

void append_word(std::string& out, std::string_view bytes);
std::string to_word(std::string_view bytes);

// Whether a word is its own bytes: nothing in it is escaped, and it is not "<>".
bool is_plain_word(std::string_view word);

// The bytes that append_word was given; nothing for a text that it does not write, or for a NUL
// byte, which no address has.
std::optional<std::string> read_word(std::string_view word);

// ASCII letters to lower case. Addresses compare without case (greyd/DESIGN.md, section 3).
constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? char(c + ('a' - 'A')) : c;
}
std::string to_lower(std::string_view text);

}  // namespace grey
