// Keeps two svctools apart that read a file, edit the text and put the new one in its place: one of
// them would lose what the other has written in the meantime.
#pragma once

#include <string>

#include "greyd/base/error.h"
#include "greyd/base/files.h"

namespace grey::svctool {

// Of the directory that holds `path`, a path without links, until the end of the scope. Whoever may
// read the directory could hold it as well: it is waited for a minute, and then it is an error.
// Where we may not read it ourselves there is no lock.
Result<Fd> lock_directory_of(const std::string& path);

}  // namespace grey::svctool
