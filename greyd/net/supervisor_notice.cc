#include "greyd/net/supervisor_notice.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace grey {
namespace {

std::optional<std::int64_t> positive_number(const std::string& text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end || number <= 0) return std::nullopt;
  return number;
}

// A line feed would begin another field.
std::string one_line(std::string_view text) {
  std::string line(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

}  // namespace

SupervisorNotice::Environment SupervisorNotice::take_environment() {
  const auto take = [](const char* name) -> std::optional<std::string> {
    const char* const value = std::getenv(name);
    if (value == nullptr) return std::nullopt;
    std::optional<std::string> taken(value);
    ::unsetenv(name);
    return taken;
  };
  return {take("NOTIFY_SOCKET"), take("WATCHDOG_USEC"), take("WATCHDOG_PID")};
}

Result<SupervisorNotice> SupervisorNotice::make(const Environment& environment,
                                                std::optional<int> descriptor) {
  SupervisorNotice notice;
  if (descriptor) {
    const int flags = ::fcntl(*descriptor, F_GETFL);
    if (*descriptor <= 2 || flags < 0 || (flags & O_ACCMODE) == O_RDONLY) {
      return misuse("descriptor " + std::to_string(*descriptor) +
                    " is not open for writing, or is one of the standard ones");
    }
    notice.descriptor_ = Fd(*descriptor);
    ::fcntl(*descriptor, F_SETFD, FD_CLOEXEC);
    ::fcntl(*descriptor, F_SETFL, flags | O_NONBLOCK);
  }
  const std::string place = environment.socket.value_or("");
  if (place.empty()) return notice;
  const bool abstract = place.front() == '@';
  // A path ends with a NUL.
  if ((!abstract && place.front() != '/') || place.size() + 1 > sizeof notice.address_.sun_path) {
    return misuse("NOTIFY_SOCKET: " + place +
                  " is neither an absolute path nor an abstract name, or too long");
  }
  notice.address_.sun_family = AF_UNIX;
  std::copy(place.begin(), place.end(), notice.address_.sun_path);
  if (abstract) notice.address_.sun_path[0] = '\0';
  notice.address_size_ = socklen_t(offsetof(sockaddr_un, sun_path) + place.size() + !abstract);
  notice.socket_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!notice.socket_) return tl::make_unexpected(system_error("make", "a unix socket", errno));
  const auto limit = positive_number(environment.watchdog_usec.value_or(""));
  const bool for_another =
      environment.watchdog_process && positive_number(*environment.watchdog_process) != ::getpid();
  if (limit && !for_another) {
    notice.alive_every_ = std::chrono::microseconds(std::max<std::int64_t>(*limit / 2, 1));
  }
  return notice;
}

void SupervisorNotice::ready(std::string_view status) {
  send("READY=1\nSTATUS=" + one_line(status));
  if (!descriptor_) return;
  // One octet into an empty pipe: it fits, or nobody reads it.
  [[maybe_unused]] const ssize_t written = ::write(descriptor_.get(), "\n", 1);
  descriptor_.reset();
}

void SupervisorNotice::reloading(std::chrono::microseconds monotonic) {
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic.count()));
}

void SupervisorNotice::stopping() {
  send("STOPPING=1");
}

void SupervisorNotice::status(std::string_view text) {
  send("STATUS=" + one_line(text));
}

void SupervisorNotice::extend_timeout(std::chrono::microseconds more) {
  send("EXTEND_TIMEOUT_USEC=" + std::to_string(more.count()));
}

void SupervisorNotice::alive() {
  send("WATCHDOG=1");
}

void SupervisorNotice::send(std::string_view fields) const {
  if (!socket_) return;
  ::sendto(socket_.get(), fields.data(), fields.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
           reinterpret_cast<const sockaddr*>(&address_), address_size_);
}

}  // namespace grey
