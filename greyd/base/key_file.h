// The file of keys of who asks by UDP, with what is wrong with it as an error.
#pragma once

#include <string>

#include "greyd/base/error.h"
#include "greyd/wire/keys.h"

namespace grey {

// "PATH:3: the ID stands there twice", "PATH: anybody may use it: chmod o= it", "cannot read the
// keys, PATH: No such file or directory". Nothing of the file is repeated.
Result<wire::KeyRing> read_keys(const std::string& path);

}  // namespace grey
