// How John Levine's greydaemon takes addresses, where that differs from ours. Pure.
#pragma once

#include <string>
#include <string_view>

#include "greyd/wire/ip.h"

namespace grey::greydaemon {

// An address as it counts: without the blanks in it. The result is `address`, or in `storage`.
std::string_view without_blanks(std::string_view address, std::string& storage);

// A sender, likewise. "." stands for the null sender, as it does in the save file.
std::string_view sender_that_counts(std::string_view sender, std::string& storage);

// Whether a list server has made the recipient for one bounce, "list-owner=user=dom@": a null
// sender may always write to such a one. The pattern is -.*= in one line of it.
bool is_list_bounce(std::string_view recipient);

// The address that a client's name stands for in lists: the numbers at the beginning of its four
// parts, as far as a byte takes them. 0.0.0.0 for "unknown", 192.0.2.7 for "192.0.2.07".
Ip listed_as(std::string_view name);

}  // namespace grey::greydaemon
