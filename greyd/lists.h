// Loads the operator's lists from their files.
#pragma once

#include <string>

#include "greyd/error.h"
#include "greyd/greylist.h"

namespace grey {

// Each list is the text file and, where it exists, the cdb of the same name and ".cdb" (see
// list_cdb.h). An empty path is an empty list. A list that is named and of which neither file is
// there is an error, as is a bad line: half a whitelist would defer mail that must pass.
Result<Lists> load_lists(const std::string& whitelist, const std::string& blacklist);

}  // namespace grey
