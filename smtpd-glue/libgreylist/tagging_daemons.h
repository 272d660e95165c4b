// Which daemons have ended an answer with the tag that was asked for: such a one always does, so
// that an answer of its without a tag is another's, or to another question.
//
// The one thing that libgreylist remembers, for as long as the process lives: of each daemon one
// word, of so many at most. Any thread may ask and tell. Part of libgreylist: no C++ runtime, no
// allocation.
#pragma once

#include <cstddef>

#include "greyd/wire/endpoint.h"

namespace grey::glue {

// One more makes room for itself.
constexpr std::size_t kMaxTaggingDaemons = 64;

bool sends_tags(const Endpoint& daemon);
void remember_sends_tags(const Endpoint& daemon);

}  // namespace grey::glue
