// greyctl: looks into a running daemon, and changes what it remembers.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "greyd/base/standard_descriptors.h"
#include "greyd/greyctl/command_line.h"
#include "greyd/greyctl/offline.h"
#include "greyd/greyctl/run.h"
#include "greyd/greyctl/serve.h"

namespace grey::greyctl {
namespace {

bool wants_colour() {
  const char* const none = std::getenv("NO_COLOR");  // https://no-color.org
  return ::isatty(STDOUT_FILENO) != 0 && (none == nullptr || *none == '\0');
}

// A watcher wants each line at once; a long list does not.
Print printer(bool at_once) {
  return [at_once](std::string_view text) {
    const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
    if (!written || (at_once && std::fflush(stdout) != 0)) {
      throw std::runtime_error("cannot write the answer");
    }
  };
}

Result<int> carry_out(const Invocation& invocation) {
  const auto place = find_place(invocation.named);
  if (!place) return tl::make_unexpected(place.error());
  if (invocation.command == "serve") {
    return tl::make_unexpected(serve(invocation.serving, place->control));
  }
  auto sources = open_sources(invocation.import);
  if (!sources) return tl::make_unexpected(sources.error());
  const Paint paint(wants_colour());
  const Print print = printer(invocation.command == "watch");
  if (!place->offline) {
    const auto daemon = connect_to(place->control);
    if (!daemon) return tl::make_unexpected(daemon.error());
    return run(invocation, *sources, **daemon, paint, print);
  }
  const auto files = open_offline(*place->offline);
  if (!files) return tl::make_unexpected(files.error());
  return run(invocation, *sources, **files, paint, print);
}

int end(const Error& error) {
  std::fflush(stdout);
  std::fprintf(stderr, "greyctl: %s\n", error.text.c_str());
  return error.exit_code;
}

// The code, if all that was printed has been taken.
int flushed(int code) {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) return end({"cannot write the answer"});
  return code;
}

int main(const std::vector<std::string>& arguments) {
  const auto invocation = parse_command_line(arguments);
  if (!invocation) return end(invocation.error());
  if (!invocation->information.empty()) {
    std::fputs(invocation->information.c_str(), stdout);
    return flushed(0);
  }
  const auto code = carry_out(*invocation);
  if (!code) return end(code.error());
  return flushed(*code);
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
