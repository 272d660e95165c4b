// Runs another program to its end.
#pragma once

#include <string>
#include <vector>

#include "greyd/error.h"

namespace grey::svctool {

struct Program {
  std::vector<std::string> arguments;  // the name first, looked up in PATH
  std::string input;                   // file to read from; empty: nothing
  unsigned seconds = 60;               // then it is taken for hung and killed
};

// An error when it does not exit with 0: what it said on standard error, in one line, or what
// became of it. What it writes to standard output is lost.
Result<void> run_program(const Program& program);
// The same; what it writes to standard output, too.
Result<std::string> read_program(const Program& program);

}  // namespace grey::svctool
