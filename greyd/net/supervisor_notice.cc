#include "greyd/net/supervisor_notice.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

namespace grey {
namespace {

constexpr std::int64_t kLeastMicroseconds = 1000;  // between two calls, or nothing else was done

std::optional<std::int64_t> positive_number(const std::string& text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end || number <= 0) return std::nullopt;
  return number;
}

// systemd passes over a datagram of more than 4096 octets, READY and all (NOTIFY_BUFFER_MAX).
constexpr std::size_t kMaxText = 1000;

// A line feed would begin another field, and other controls are not for a terminal. What is too
// long ends before a character of UTF-8, and not within: systemd shows nothing then.
std::string one_line(std::string_view text) {
  std::string line(text.substr(0, kMaxText));
  if (text.size() > kMaxText && (static_cast<unsigned char>(text[kMaxText]) & 0xc0) == 0x80) {
    while ((static_cast<unsigned char>(line.back()) & 0xc0) == 0x80 && line.size() > 1)
      line.pop_back();
    line.pop_back();
  }
  std::ranges::replace_if(
      line, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
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

Result<void> SupervisorNotice::tell_systemd(const Environment& environment) {
  const std::string place = environment.socket.value_or("");
  if (place.empty()) return {};
  const bool abstract = place.front() == '@';
  sockaddr_un address{};
  // A path ends with a NUL.
  if ((!abstract && place.front() != '/') || place.size() + 1 > sizeof address.sun_path) {
    return misuse("NOTIFY_SOCKET: " + place +
                  " is neither an absolute path nor an abstract name, or too long");
  }
  address.sun_family = AF_UNIX;
  std::copy(place.begin(), place.end(), address.sun_path);
  if (abstract) address.sun_path[0] = '\0';
  const auto size = socklen_t(offsetof(sockaddr_un, sun_path) + place.size() + !abstract);
  Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return tl::make_unexpected(system_error("make", "a unix socket", errno));
  // Now, as who we are: another user, later, might not be allowed to.
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    return tl::make_unexpected(system_error("reach NOTIFY_SOCKET", place, errno));
  }
  socket_ = std::move(socket);
  address_ = address;
  address_size_ = size;
  const auto limit = positive_number(environment.watchdog_usec.value_or(""));
  const bool for_another =
      environment.watchdog_process && positive_number(*environment.watchdog_process) != ::getpid();
  if (limit && !for_another) {
    alive_every_ = std::chrono::microseconds(std::max(*limit / 2, kLeastMicroseconds));
  }
  return {};
}

Result<void> SupervisorNotice::tell_s6(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  const int own = ::fcntl(descriptor, F_GETFD);
  struct stat file {};
  const bool pipe =
      ::fstat(descriptor, &file) == 0 && (S_ISFIFO(file.st_mode) || S_ISSOCK(file.st_mode));
  // What is closed at an exec has not come through one: it is ours. And who has started us may have
  // left other files open than he knows.
  if (descriptor <= 2 || !pipe || (own & FD_CLOEXEC) != 0 || (flags & O_ACCMODE) == O_RDONLY) {
    return misuse("descriptor " + std::to_string(descriptor) +
                  " is no pipe that was left open for writing, or is one of the standard ones");
  }
  descriptor_ = Fd(descriptor);
  ::fcntl(descriptor, F_SETFD, own | FD_CLOEXEC);
  ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
  return {};
}

bool SupervisorNotice::ready(std::string_view status) {
  if (descriptor_) {
    // One octet into an empty pipe: it fits, or nobody reads it.
    [[maybe_unused]] const ssize_t written = ::write(descriptor_.get(), "\n", 1);
    descriptor_.reset();
  }
  return send("READY=1\nSTATUS=" + one_line(status));
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

bool SupervisorNotice::send(std::string_view fields) const {
  if (!socket_) return true;
  const auto sent = [&] {
    return ::send(socket_.get(), fields.data(), fields.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
  };
  if (sent()) return true;
  // Or the one that was there has ended, and there may be another by now.
  const auto* const address = reinterpret_cast<const sockaddr*>(&address_);
  if (errno != EAGAIN && ::connect(socket_.get(), address, address_size_) == 0 && sent()) {
    return true;
  }
  return errno != EAGAIN;
}

}  // namespace grey
