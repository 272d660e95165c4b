#include "svctool/output.h"

#include <cstdio>

namespace grey::svctool {

std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      line += c;
    } else if (c == '\n') {
      line += "\\n";
    } else {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", byte);
      line += escaped;
    }
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
