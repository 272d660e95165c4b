// What a supervisor is told through.
#pragma once

#include <string>

#include "greyd/base/files.h"

namespace grey::svctool {

// A fifo of which the supervisor holds the other end: opening it does not wait, and fails when
// nobody does. What else stands there, or a link, is none: its user may have put it there for root
// to write to. Without one errno says why.
Fd open_fifo(const std::string& path);

}  // namespace grey::svctool
