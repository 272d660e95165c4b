// A greylisting daemon that answers as a test says, for tests of its clients.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace grey::test {

// The tag that libgreylist puts at the end of a query, 16 octets, and the query without it.
inline std::string tag_of(const std::string& query) {
  using namespace std::string_literals;
  REQUIRE(query.size() > 20);
  REQUIRE(query.ends_with("\0\0"s));
  const std::string tag = query.substr(query.size() - 18, 16);
  CHECK(query.substr(query.size() - 20, 2) == "\0Q"s);
  CHECK(tag.find_first_not_of("0123456789abcdef") == std::string::npos);
  return tag;
}
inline std::string without_tag(const std::string& query) {
  return query.substr(0, query.size() - 1 - 2 - tag_of(query).size()) + '\0';
}

// A UDP server on a port of its own. `answer` is called with each datagram and how many came before
// it, and gives the datagrams to send back. One that sends tags has an address of its own, as the
// library remembers it: 127.0.0.`host`, used by no other test of the program.
class Daemon {
 public:
  using Answers = std::vector<std::string>;
  using Behaviour = std::function<Answers(const std::string& datagram, int before)>;

  explicit Daemon(Behaviour behaviour, int family = AF_INET, unsigned host = 1)
      : behaviour_(std::move(behaviour)), host_(host) {
    fd_ = socket(family, SOCK_DGRAM, 0);
    REQUIRE(fd_ >= 0);
    sockaddr_storage address{};
    address.ss_family = sa_family_t(family);
    auto* const v4 = reinterpret_cast<sockaddr_in*>(&address);
    auto* const v6 = reinterpret_cast<sockaddr_in6*>(&address);
    if (family == AF_INET) v4->sin_addr.s_addr = htonl(0x7f000000 | host);
    if (family == AF_INET6) v6->sin6_addr = in6addr_loopback;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = family == AF_INET ? sizeof *v4 : sizeof *v6;
    REQUIRE(bind(fd_, any, size) == 0);
    REQUIRE(getsockname(fd_, any, &size) == 0);
    port_ = ntohs(family == AF_INET ? v4->sin_port : v6->sin6_port);
    family_ = family;
    thread_ = std::thread([this] { serve(); });
  }
  ~Daemon() { stop(); }
  void stop() {
    if (!thread_.joinable()) return;
    stop_ = true;
    thread_.join();
    close(fd_);
  }
  std::string address() const {
    const std::string ip = family_ == AF_INET ? "127.0.0." + std::to_string(host_) : "[::1]";
    return ip + '@' + std::to_string(port_);
  }
  // Only after stop().
  const std::vector<std::string>& received() const { return received_; }

 private:
  void serve() {
    std::string buffer(65536, '\0');
    while (!stop_) {
      pollfd ready{fd_, POLLIN, 0};
      if (poll(&ready, 1, 5) <= 0) continue;
      sockaddr_storage peer{};
      socklen_t size = sizeof peer;
      auto* const from = reinterpret_cast<sockaddr*>(&peer);
      const ssize_t got = recvfrom(fd_, buffer.data(), buffer.size(), 0, from, &size);
      if (got < 0) continue;
      received_.push_back(buffer.substr(0, std::size_t(got)));
      for (const auto& answer : behaviour_(received_.back(), int(received_.size()) - 1)) {
        sendto(fd_, answer.data(), answer.size(), 0, from, size);
      }
    }
  }

  Behaviour behaviour_;
  unsigned host_;
  int fd_ = -1;
  int family_ = AF_INET;
  unsigned port_ = 0;
  std::atomic<bool> stop_ = false;
  std::vector<std::string> received_;
  std::thread thread_;
};

inline Daemon::Behaviour always(std::string answer) {
  return [answer](const std::string&, int) { return Daemon::Answers{answer}; };
}
inline Daemon::Behaviour silent() {
  return [](const std::string&, int) { return Daemon::Answers{}; };
}

// The address of a port where nobody listens.
inline std::string refusing() {
  Daemon gone(silent());
  gone.stop();
  return gone.address();
}

inline const std::string kAccept{"\1\3", 2};
inline const std::string kDefer{"\0\2", 2};

}  // namespace grey::test
