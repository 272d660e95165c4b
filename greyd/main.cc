// qmail-greyd: the greylisting daemon. Under the name greydaemon it follows that program's rules.

#include <malloc.h>
#include <sodium.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "greyd/base/counters.h"
#include "greyd/base/standard_descriptors.h"
#include "greyd/daemon.h"
#include "greyd/net/log.h"
#include "greyd/net/supervisor_notice.h"
#include "greyd/options.h"
#include "greyd/start_check.h"

namespace grey {
namespace {

// A supervisor that cannot be told how the daemon stands is no reason to stop.
SupervisorNotice find_supervisor(const Options& options, spdlog::logger& logger) {
  SupervisorNotice notice;
  const auto warn = [&](const char* whom, const Result<void>& found) {
    if (!found) logger.warn("{} is not told how this daemon stands: {}", whom, found.error().text);
  };
  if (options.notification_fd) warn("s6", notice.tell_s6(*options.notification_fd));
  warn("systemd", notice.tell_systemd(SupervisorNotice::take_environment()));
  return notice;
}

// Until the event loop takes them, signals wait: one that came while the state is being loaded
// would otherwise kill the daemon. The server lets each through as it starts to watch it.
// What whoever started us has blocked besides is let through.
void hold_signals() {
  sigset_t held;
  sigemptyset(&held);
  for (const int number : {SIGHUP, SIGUSR1, SIGUSR2, SIGTERM, SIGINT}) sigaddset(&held, number);
  sigprocmask(SIG_SETMASK, &held, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a log reader that goes away is no reason to stop
  std::signal(SIGXFSZ, SIG_IGN);  // nor a file at its limit: the write's error says it
}

// The last words, in the log's format.
void tell_end(LogPipe& pipe, std::string_view path, std::string_view text) {
  pipe.add_note({Priority::critical, text, path.substr(path.rfind('/') + 1)});
  pipe.flush();
}

int run(const std::vector<std::string>& arguments, LogPipe& pipe, Counters& counters) {
  pipe.set_format(log_format_in(arguments));
  const auto logger = make_logger(pipe);
  const auto end = [&](const Error& error) {
    tell_end(pipe, arguments.front(), error.text);
    return error.exit_code;
  };
  hold_signals();
  // One heap for both threads: a second one would reserve 64 MiB of address space, which a
  // softlimit -m counts.
  mallopt(M_ARENA_MAX, 1);
  if (sodium_init() < 0) return end({"cannot initialise libsodium", kExitSystemFailure});
  const char* control_directory = std::getenv("CONTROLDIR");
  const auto command_line =
      parse_command_line(arguments, control_directory != nullptr ? control_directory : "");
  if (!command_line) return end(command_line.error());
  if (command_line->information) {
    std::fputs(command_line->information->text.c_str(), stdout);
    return 0;
  }
  const Options& options = command_line->options;
  pipe.set_format(options.log_format);
  if (options.check) {
    const auto fit = check_start(options, *logger);
    return fit ? 0 : end(fit.error());
  }
  SupervisorNotice notice = find_supervisor(options, *logger);
  const auto code = serve({options, notice, pipe, *logger, counters});
  if (code) return *code;
  notice.status(code.error().text);
  return end(code.error());
}

}  // namespace
}  // namespace grey

int main(int argc, char** argv) {
  if (!grey::open_standard_descriptors()) return grey::kExitSystemFailure;
  if (argc == 0) return grey::kExitMisuse;
  grey::Counters counters;
  grey::LogPipe pipe(STDERR_FILENO, grey::is_journal(STDERR_FILENO, std::getenv("JOURNAL_STREAM")));
  pipe.count_in(counters.log_lines);
  try {
    return grey::run(std::vector<std::string>(argv, argv + argc), pipe, counters);
  } catch (const std::exception& error) {
    grey::tell_end(pipe, argv[0], error.what());
    return grey::kExitSystemFailure;
  }
}
