// The first line of a text: of a file below variables/ the one that counts.
#pragma once

#include <string_view>

namespace grey::svctool {

// Without its '\n'.
constexpr std::string_view first_line(std::string_view text) {
  return text.substr(0, text.find('\n'));
}

}  // namespace grey::svctool
