// Times, as whole seconds.
#pragma once

#include <cstdint>

namespace grey {

using Seconds = std::int64_t;  // since 1970, or a duration

}  // namespace grey
