// A directory that root may work in by its descriptor.
#pragma once

#include <string>

#include "greyd/base/error.h"
#include "greyd/base/files.h"

namespace grey {

// A descriptor (O_PATH) of the directory at `path`; "." and relative paths are taken from where the
// process is.
//
// For root every step on the way must be out of the reach of other users, who could otherwise lead
// it to any directory while it works there: each directory that is passed belongs to root and
// nobody else may write to it, or it is sticky and what is taken in it is root's. The last one may
// belong to any user, as what its owner does in it is of no harm to who works by the descriptor and
// follows no link; but not everybody, or a group, may write to it, unless it is sticky.
//
// The error says why not, for a line that has named what is in the directory.
//
// For other users there is nothing to be gained by that, and no check.
Result<Fd> open_trusted_directory(const std::string& path);

}  // namespace grey
