// What of a sender's address counts for greylisting. Many senders put something new into the
// address for each message (or each attempt), so that the full address never retries.
#pragma once

#include <array>
#include <string_view>

#include "greyd/core/policy.h"

namespace grey {

// Room for a reduced address; the longest that is reduced at all. Longer ones come back as they
// are.
using SenderBuffer = std::array<char, 512>;

// full: the address as it is. domain: what follows the last '@', or all when there is none.
// none: nothing. normalized: see sender_forms.h for the forms and their sources.
// The result points into `sender` or `buffer`. Case is kept; the null sender stays null.
std::string_view reduce_sender(std::string_view sender, SenderKey mode, SenderBuffer& buffer);

}  // namespace grey
