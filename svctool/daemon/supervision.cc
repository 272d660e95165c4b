#include "svctool/daemon/supervision.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "greyd/base/files.h"
#include "svctool/daemon/service_state.h"
#include "svctool/disk/fifo.h"
#include "svctool/util/process.h"
#include "svctool/util/wait.h"

namespace grey::svctool {
namespace {

// Nothing when nobody supervises there. One that was stopped, as by SIGSTOP, goes on ("c"), or it
// would never see that it is to end.
Result<void> end_supervision(const std::string& directory, const std::string& letters,
                             const std::string& what) {
  if (!is_supervised(directory)) return {};
  // Whoever is about to end by himself may be gone by now.
  if (auto told = tell_supervisor(directory, letters); !told && is_supervised(directory))
    return told;
  if (!wait_until_unsupervised(directory, kStopSeconds)) return failure(what + " does not end");
  return {};
}

}  // namespace

bool runs_here(const Suite& suite) {
  struct stat status {};
  return !suite.runs_where.empty() && ::stat(std::string(suite.runs_where).c_str(), &status) == 0 &&
         S_ISDIR(status.st_mode);
}

Result<void> reread_own_files(const Suite& suite) {
  if (suite.reread.empty() || !runs_here(suite)) return {};
  return run_words(suite.reread);
}

Result<void> run_words(std::string_view words, const std::string& last) {
  Program program;
  program.arguments = arguments_of(words, last);
  program.seconds = kStopSeconds;
  return run_program(program);
}

Result<void> tell(const Suite& suite, const Order& order, const std::string& service) {
  if (order.letters.empty()) return run_words(order.words, suite.known_as(service));
  return tell_supervisor(service, std::string(order.letters));
}

Result<void> tell_to_start(const Suite& suite, const Order& order, const std::string& service) {
  auto told = tell(suite, order, service);
  // systemd has waited for the daemon to be ready.
  if (told || has_scanner(suite)) return told;
  const auto state = service_state(suite, service);
  return state && (state->up || state->wanted) ? Result<void>() : told;
}

Result<void> stop_service(const Suite& suite, const std::string& service) {
  if (!has_scanner(suite)) return tell(suite, suite.end, service);
  const std::string letters(suite.end.letters);
  if (auto ended = end_supervision(service, letters, "the daemon"); !ended) return ended;
  // Only now, so that the daemon's last lines are written. The logger ends with its input; under
  // runit that is all it takes.
  return end_supervision(service + "/log", letters, "what writes the log");
}

bool is_supervised(const std::string& service) {
  // s6 has no `ok`, but a control fifo that it reads.
  return bool(open_fifo(service + "/supervise/ok")) ||
         bool(open_fifo(service + "/supervise/control"));
}

bool is_supervision_hidden(const std::string& service) {
  return !open_fifo(service + "/supervise/control") && errno == EACCES;
}

Result<void> tell_supervisor(const std::string& service, const std::string& commands) {
  const std::string path = service + "/supervise/control";
  const Fd fd = open_fifo(path);
  if (!fd) return tl::make_unexpected(system_error("open", path, errno));
  // One of another's has a reader who only says that he is a supervisor.
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0 || (status.st_uid != 0 && status.st_uid != ::geteuid())) {
    return failure("cannot write to " + path + ": it is another user's");
  }
  if (const int error = write_all(fd.get(), commands)) {
    return tl::make_unexpected(system_error("write to", path, error));
  }
  return {};
}

bool wait_until_unsupervised(const std::string& service, int seconds) {
  return look_until(std::chrono::seconds(seconds), [&] { return !is_supervised(service); });
}

}  // namespace grey::svctool
