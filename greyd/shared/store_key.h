// The file that --store-key-file names: the key of all daemons that share a state.
#pragma once

#include <string>

#include "greyd/base/error.h"
#include "greyd/base/hash_key.h"

namespace grey::shared {

// Its one line is 32 hexadecimal digits. An error, in which nothing of it is repeated, when it is
// not there, is another text, or when anybody may read it.
Result<HashKey> read_store_key(const std::string& path);

}  // namespace grey::shared
