// Second names for files that must outlive the next save: what is damaged, or another program's.
#pragma once

#include <string>

#include "greyd/base/error.h"

namespace grey {

// Gives `path` the further name `name`, or that with a number behind it, by a hard link, or else by
// a copy of its content; synced. The name. When a file whose name begins with `family` is this one,
// or has its content, that will do: starts that come to nothing leave no more than one.
Result<std::string> keep_aside(const std::string& path, const std::string& name,
                               const std::string& family);

}  // namespace grey
