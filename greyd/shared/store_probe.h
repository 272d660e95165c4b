// What a store must have answered before it is asked anything else.
#pragma once

#include <string>
#include <vector>

namespace grey::shared {

// A command for StoreSettings: a store that refuses any of what daemons do in it is not up, and
// its answer names what it refuses. Leaves nothing behind after a second.
std::vector<std::string> store_probe();

}  // namespace grey::shared
