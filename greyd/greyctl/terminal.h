// What standard output shows.
#pragma once

#include <cstddef>

namespace grey::greyctl {

// Columns of the terminal; 80 where there is none, or it does not say.
std::size_t terminal_width();

// Whether characters beyond ASCII are shown, by the locale.
bool shows_unicode();

}  // namespace grey::greyctl
