// The text of a file of keys (greyd/wire/keys.h), and the steps of a change of keys. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "greyd/base/error.h"

namespace grey::svctool {

enum class KeyStep {
  none,  // as it is
  add,   // a new key behind those that are there: taken, and not sent yet
  use,   // it goes before the first one, the old one of this change: sent
  drop,  // the old one goes; before `use`, the new one
};

// "ID KEY\n". `id` and `secret` are new: from the clock and the system's random numbers.
std::string key_line(std::string_view id, const std::array<std::uint8_t, 16>& secret);

// A file with that key.
std::string text_of_new_keys(std::string_view line);

// The text after a step. A change is of the first key alone: a comment names it and its successor
// until it is over, and no other key goes. What is no key stays. `new_line`: what is added. An
// error when the file is not at that step.
Result<std::string> change_keys(std::string_view text, KeyStep step, std::string_view new_line);

}  // namespace grey::svctool
