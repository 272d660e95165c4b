// Sets GREYIP in a `run` of somebody else's that reads no variables/. Pure.
//
// The line, right after the first one, is
//
//   GREYIP='127.0.0.1@1999'; export GREYIP # svctool --greyip
//
// and every other byte stays.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "greyd/base/error.h"

namespace grey::svctool {

// Whether a script starts something through envdir(8) with variables/.
bool reads_variables(std::string_view run);

struct RunGreyip {
  std::size_t line = 0;   // its number, from 1
  std::string_view text;  // the line, without its newline
  std::string value;      // of a line that svctool wrote
  bool ours = false;      // svctool wrote it, or it is somebody else's
};

// The first line that sets GREYIP.
std::optional<RunGreyip> find_run_greyip(std::string_view run);

// An error when it is no shell script, when a line of somebody else's sets GREYIP, or when ours has
// another value and `force` is false. REQUIRES: check_greyip().
Result<std::string> set_run_greyip(std::string_view run, std::string_view greyip, bool force);

// The text without our line.
std::string remove_run_greyip(std::string_view run);

}  // namespace grey::svctool
