#include "greyd/greyctl/channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

namespace grey::greyctl {
namespace {

class Socket : public Channel {
 public:
  Socket(Fd fd, std::string path, std::chrono::milliseconds patience)
      : fd_(std::move(fd)), path_(std::move(path)), patience_(patience) {}

  Result<void> send(const std::string& request) override {
    const std::string line = request + '\n';
    std::size_t sent = 0;
    while (sent < line.size()) {
      const ssize_t size = ::send(fd_.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return tl::make_unexpected(system_error("ask", path_, errno));
      sent += std::size_t(size);
    }
    return {};
  }

  Result<std::optional<std::string>> receive(bool patient) override {
    for (;;) {
      if (const std::size_t end = come_.find('\n', at_); end != std::string::npos) {
        std::string line = come_.substr(at_, end - at_);
        at_ = end + 1;
        return std::optional(std::move(line));
      }
      come_.erase(0, at_);
      at_ = 0;
      pollfd ready{fd_.get(), POLLIN, 0};
      const int count = ::poll(&ready, 1, patient ? -1 : int(patience_.count()));
      if (count == 0) return failure(path_ + ": the daemon does not answer");
      if (count < 0 && errno == EINTR) continue;
      char buffer[65536];
      const ssize_t size = ::recv(fd_.get(), buffer, sizeof buffer, 0);
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return tl::make_unexpected(system_error("read from", path_, errno));
      if (size == 0) return std::optional<std::string>();
      come_.append(buffer, std::size_t(size));
    }
  }

 private:
  Fd fd_;
  const std::string path_;
  const std::chrono::milliseconds patience_;
  std::string come_;
  std::size_t at_ = 0;  // of what has come: the first that has not been given out
};

std::string hint(int error) {
  if (error == EACCES || error == EPERM) {
    return " (root and the daemon's user may, and who is in its --control-group)";
  }
  if (error == EAGAIN) return " (the daemon does not take connections)";
  if (error == ECONNREFUSED || error == ENOENT) {
    return " (the daemon does not run, or has another one; --context works on its files)";
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Channel>> connect_to(const std::string& path,
                                            std::chrono::milliseconds patience) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto failed = [&](int error) {
    Error told = system_error("connect to", path, error);
    told.text += hint(error);
    return tl::make_unexpected(told);
  };
  if (path.size() >= sizeof address.sun_path) return failed(ENAMETOOLONG);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // connect(2) waits as well, where many have come before and nobody has taken them.
  const timeval limit{patience.count() / 1000, patience.count() % 1000 * 1000};
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0) {
    return failed(errno);
  }
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return failed(errno);
  }
  return std::unique_ptr<Channel>(std::make_unique<Socket>(std::move(fd), path, patience));
}

}  // namespace grey::greyctl
