// Greylisters that keep an empty file for each client:
//
//   jgreylist   DIR/192/000/002        by network, or DIR/192/000/002/001 by address: parts of
//   three
//               digits; mtime first seen, atime last seen; known when that is the hold time after
//               it; forgotten 30 days after atime, or after a day where the two are the same
//   cqGreylist  DIR/192/192.0.2.1      below the first part, not padded (0 for IPv6); mtime first
//               seen, and never touched again; let in when older than the hold time
//
// What is something else is skipped, each thing once, and not gone into. Memory does not grow with
// the tree; no link is followed.
#pragma once

#include "greyd/imports/directory.h"
#include "greyd/imports/reader.h"

namespace grey::imports {

// REQUIRES: form is jgreylist or cqgreylist. An error when a directory of the tree cannot be read:
// nothing of it is to be taken then. Places are paths below the directory.
Result<void> read_tree(Form form, Directory& directory, const Settings& settings,
                       const Visit& visit);

}  // namespace grey::imports
