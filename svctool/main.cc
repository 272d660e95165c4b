// svctool: installs greylisting services and tells SMTP servers where they are. See svctool(8).

#include <cstdio>
#include <exception>

#include "greyd/base/standard_descriptors.h"
#include "svctool/cli/options.h"
#include "svctool/util/output.h"
#include "svctool/verbs/commands.h"

namespace grey::svctool {
namespace {

Result<int> run(const std::vector<std::string>& arguments) {
  auto line = parse_command_line(arguments);
  if (!line) return tl::make_unexpected(line.error());
  return carry_out(*line);
}

int finish(const Result<int>& done) {
  if (!done) {
    std::fprintf(stderr, "svctool: %s\n", one_line(done.error().text).c_str());
    return done.error().exit_code;
  }
  if (std::fflush(stdout) != 0) {
    std::fprintf(stderr, "svctool: cannot write to standard output\n");
    return kExitSystemFailure;
  }
  return *done;
}

}  // namespace
}  // namespace grey::svctool

int main(int argc, char** argv) {
  using namespace grey::svctool;
  if (!grey::open_standard_descriptors()) return grey::kExitSystemFailure;
  try {
    return finish(run({argv + (argc > 0 ? 1 : 0), argv + argc}));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "svctool: %s\n", error.what());
    return grey::kExitSystemFailure;
  }
}
