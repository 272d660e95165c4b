// What root may do, and who is not root by a capability.
#pragma once

#include "greyd/base/error.h"

namespace grey::sandbox {

// For root that is about to become another user: no program that is started later gets any back.
// Does nothing for who may not do that, and has none to give then.
Result<void> give_up_bounding_set();

// No capability is left, and no program that is started later gets more (no_new_privs). Of this
// thread: REQUIRES that it is the only one.
Result<void> give_up_capabilities();

}  // namespace grey::sandbox
