// Runs another program to its end, which it reaches in time or not at all.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "greyd/base/error.h"

namespace grey::svctool {

struct Program {
  std::vector<std::string> arguments;  // the name first, looked up in PATH
  std::string input = {};              // file to read from; empty: nothing
  unsigned seconds = 60;               // then it is taken for hung and killed
  int directory = -1;                  // where it works, a descriptor; -1: where we do
  unsigned processor_seconds = 0;      // likewise, of processor time; 0: no limit
  unsigned idle_seconds = 0;           // likewise, asleep; 0: no limit
};

// An error when it does not exit with 0: what it said on standard error, in one line, or what
// became of it. What it writes to standard output is lost.
Result<void> run_program(const Program& program);
// The same; what it has said on standard error when it exits with 0, a line each.
Result<std::string> hear_program(const Program& program);
// The same as run_program(); what it writes to standard output, too.
Result<std::string> read_program(const Program& program);

// Waits for a child, and kills it with all of its process group, if it has one, when it has not
// ended by then. Its status as waitpid(2) has it; nothing: it was killed for that.
std::optional<int> wait_until(pid_t child, std::chrono::steady_clock::time_point end);

}  // namespace grey::svctool
