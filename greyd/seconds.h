// The unit of all times here.
#pragma once

#include <cstdint>

namespace grey {

using Seconds = std::int64_t;  // since 1970, or a duration; records hold 32 unsigned bits of it

}  // namespace grey
