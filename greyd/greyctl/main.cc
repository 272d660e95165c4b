// greyctl: looks into a running daemon, and changes what it remembers.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "greyd/base/standard_descriptors.h"
#include "greyd/greyctl/command_line.h"
#include "greyd/greyctl/offline.h"
#include "greyd/greyctl/run.h"

namespace grey::greyctl {
namespace {

bool wants_colour() {
  const char* const none = std::getenv("NO_COLOR");  // https://no-color.org
  return ::isatty(STDOUT_FILENO) != 0 && (none == nullptr || *none == '\0');
}

// A watcher wants each line at once; a long list does not.
Print printer(bool at_once) {
  return [at_once](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    if (at_once) std::fflush(stdout);
  };
}

Result<int> carry_out(const Invocation& invocation) {
  const auto place = find_place(invocation.named);
  if (!place) return tl::make_unexpected(place.error());
  const Paint paint(wants_colour());
  const Print print = printer(invocation.command == "watch");
  if (!place->offline) {
    const auto daemon = connect_to(place->control);
    if (!daemon) return tl::make_unexpected(daemon.error());
    return run(invocation, **daemon, paint, print);
  }
  const auto files = Offline::open(*place->offline);
  if (!files) return tl::make_unexpected(files.error());
  auto code = run(invocation, **files, paint, print);
  if (const auto closed = (*files)->close(); !closed) return tl::make_unexpected(closed.error());
  return code;
}

int end(const Error& error) {
  std::fflush(stdout);
  std::fprintf(stderr, "greyctl: %s\n", error.text.c_str());
  return error.exit_code;
}

int main(const std::vector<std::string>& arguments) {
  const auto invocation = parse_command_line(arguments);
  if (!invocation) return end(invocation.error());
  if (!invocation->information.empty()) {
    std::fputs(invocation->information.c_str(), stdout);
    return 0;
  }
  const auto code = carry_out(*invocation);
  if (!code) return end(code.error());
  if (std::fflush(stdout) != 0) return end({"cannot write the answer"});
  return *code;
}

}  // namespace
}  // namespace grey::greyctl

int main(int argc, char** argv) {
  if (!grey::open_standard_descriptors()) return grey::kExitSystemFailure;
  try {
    return grey::greyctl::main(std::vector<std::string>(argv, argv + argc));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "greyctl: %s\n", error.what());
    return grey::kExitSystemFailure;
  }
}
