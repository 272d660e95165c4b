// Whether a host's name is made of its address. Pure.
#pragma once

#include <string_view>

#include "greyd/wire/ip.h"

namespace grey {

// Whether a host's name is made of its address: its octets, three of them at least, in their order
// or the other way, as decimal numbers with whatever between them or padded with zeros, or as
// hexadecimal digits. Such a name is of a line that is let to anybody.
// `name` in lower case.
bool holds_address(std::string_view name, const Ip& address);

}  // namespace grey
