// Loads the operator's lists from their files.
#pragma once

#include <string>

#include "greyd/error.h"
#include "greyd/greylist.h"

namespace grey {

// Each list is the text file FILE and, where it exists, FILE.local: the operator's own beside one
// that is shipped, which no upgrade touches. Either may have a cdb beside it (FILE.cdb,
// FILE.local.cdb; see list_cdb.h), or be only that. An empty path is an empty list. A list that is
// named and is not there is an error, as is a bad line: half a whitelist would defer mail that must
// pass.
Result<Lists> load_lists(const std::string& whitelist, const std::string& blacklist);

}  // namespace grey
