#include "svctool/util/output.h"

#include <cstdio>

namespace grey::svctool {
namespace {

// How many octets the character at the front of `text` has that a terminal shows as such: of UTF-8
// (RFC 3629) what is well formed. 0: an octet that is none, or begins one that controls a terminal.
std::size_t shown(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  const unsigned char second = at(1);
  const bool control = first == 0xc2 && second < 0xa0;
  const bool long_form = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second >= 0xa0;
  const bool beyond = first == 0xf4 && second >= 0x90;
  return control || long_form || surrogate || beyond ? 0 : size;
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string line;
  while (!text.empty()) {
    const char c = text.front();
    const auto byte = static_cast<unsigned char>(c);
    const std::size_t size = shown(text);
    if (size > 0) {
      line += text.substr(0, size);
    } else if (c == '\n') {
      line += "\\n";
    } else {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", byte);
      line += escaped;
    }
    text.remove_prefix(size > 0 ? size : 1);
  }
  return line;
}

void say(std::string_view line) {
  std::printf("%s\n", one_line(line).c_str());
}

void warn(std::string_view line) {
  std::fprintf(stderr, "svctool: warning: %s\n", one_line(line).c_str());
}

}  // namespace grey::svctool
