// Who asks a daemon's UDP socket, for tests of the daemon.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "greyd/base/counters.h"
#include "greyd/base/files.h"
#include "greyd/net/udp_socket.h"

namespace grey::testing {

// All that went without an answer.
inline Count lost(const UdpCounters& counters) {
  return counters.overflow + counters.backlog + counters.undecided + counters.overdue +
         counters.unsent;
}

// A daemon's socket on 127.0.0.1, with its port.
inline Fd bind_any_port(std::uint16_t& port) {
  auto bound = bind_udp({Ip::from_v4(0x7f000001), 0});
  REQUIRE(bound.has_value());
  sockaddr_in own{};
  socklen_t size = sizeof own;
  REQUIRE(::getsockname(bound->get(), reinterpret_cast<sockaddr*>(&own), &size) == 0);
  port = ntohs(own.sin_port);
  return std::move(*bound);
}

// Asks the daemon's socket from an address of the loopback network.
class Asker {
 public:
  Asker(const std::string& address, std::uint16_t port)
      : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_in own{}, server{};
    own.sin_family = server.sin_family = AF_INET;
    inet_pton(AF_INET, address.c_str(), &own.sin_addr);
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server.sin_port = htons(port);
    REQUIRE(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&own), sizeof own) == 0);
    REQUIRE(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&server), sizeof server) == 0);
  }
  bool ask(const std::string& datagram) const {
    return ::send(fd_.get(), datagram.data(), datagram.size(), 0) == ssize_t(datagram.size());
  }
  std::string answer() const {  // the next that has come; empty when there is none
    char answer[1000];
    const ssize_t size = ::recv(fd_.get(), answer, sizeof answer, 0);
    return {answer, std::size_t(std::max<ssize_t>(size, 0))};
  }
  // How many answers have come since the last call.
  int answers() const {
    char answer[100];
    int count = 0;
    while (::recv(fd_.get(), answer, sizeof answer, 0) >= 2) ++count;
    return count;
  }

 private:
  Fd fd_;
};

}  // namespace grey::testing
