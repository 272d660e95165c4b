// The file that --store-password-file names.
#pragma once

#include <string>

#include "greyd/base/error.h"

namespace grey {

constexpr std::size_t kMaxStorePassword = 512;  // octets

// What its one line says, without the newline. An error, in which nothing of it is repeated, when
// it is not there, is empty, has more lines or a NUL, or when anybody may read it.
Result<std::string> read_store_password(const std::string& path);

}  // namespace grey
