// Loads the operator's lists from their files.
#pragma once

#include <string>

#include "greyd/error.h"
#include "greyd/greylist.h"

namespace grey {

// An empty path is an empty list. A file that is named and not there is an error, as is a bad line:
// half a whitelist would defer mail that the operator has said must pass.
Result<Lists> load_lists(const std::string& whitelist, const std::string& blacklist);

}  // namespace grey
