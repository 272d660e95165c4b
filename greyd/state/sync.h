// How safe what has been answered is.
#pragma once

#include <cstdint>

namespace grey {

// When what has been answered is safe from a power cut (from the death of the daemon it always is):
// before the answer, within a second, or when the system pleases.
enum class Sync : std::uint8_t { always, second, never };

}  // namespace grey
