// Who connects to a stream server, for tests of such servers.
#pragma once

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <string>

#include "greyd/base/files.h"

namespace grey::testing {

// A client's end of a unix stream socket.
class Peer {
 public:
  explicit Peer(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  void send(const std::string& text) {
    REQUIRE(::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL) == ssize_t(text.size()));
  }
  // False when the server's side takes no more.
  bool send_some(const std::string& text) {
    return ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
  }
  void ask(const std::string& sender) { send("check 192.0.2.1 " + sender + " b\n"); }
  // What has come, with a "|" for the end of the stream.
  std::string received() {
    std::string text;
    char buffer[4096];
    for (;;) {
      const ssize_t size = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
      if (size == 0) return text + "|";
      if (size < 0) return errno == EAGAIN ? text : text + "|";
      text.append(buffer, std::size_t(size));
    }
  }
  void half_close() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }

 private:
  Fd fd_;
};

}  // namespace grey::testing
