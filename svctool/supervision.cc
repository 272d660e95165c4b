#include "svctool/supervision.h"

#include <fcntl.h>
#include <poll.h>

#include <cerrno>
#include <chrono>

#include "greyd/files.h"

namespace grey::svctool {
namespace {

// A fifo of which the supervisor holds the other end: opening it does not wait, and fails when
// nobody does.
Fd open_fifo(const std::string& path) {
  return Fd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
}

}  // namespace

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
  if (const int error = write_all(fd.get(), commands)) {
    return tl::make_unexpected(system_error("write to", path, error));
  }
  return {};
}

bool wait_until_unsupervised(const std::string& service, int seconds) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::seconds(seconds);
  while (is_supervised(service)) {
    if (Clock::now() > end) return false;
    ::poll(nullptr, 0, 20);
  }
  return true;
}

}  // namespace grey::svctool
