// Who the daemon is, once its ports are open.
#pragma once

#include <string>

#include "greyd/base/error.h"

namespace grey {

// Becomes `user` for good: its group, no others, and no way back. Stays who it is when empty.
Result<void> drop_privileges(const std::string& user);

}  // namespace grey
