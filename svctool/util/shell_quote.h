// Text for a shell.
#pragma once

#include <string>
#include <string_view>

namespace grey::svctool {

// `text` as one word of a POSIX shell, whatever it contains.
std::string shell_quote(std::string_view text);

}  // namespace grey::svctool
