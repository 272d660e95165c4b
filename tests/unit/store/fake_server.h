// Who is no store, or an odd one: a TCP port of 127.0.0.1 where a test says what is answered.
#pragma once

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "greyd/base/files.h"
#include "greyd/base/store_url.h"
#include "tests/unit/store/loopback.h"

namespace grey::testing {

class FakeServer {
 public:
  // Given what has come on a connection since it was last asked ("" when nobody has said anything),
  // what to say; it is asked again and again. "<end>" alone ends the connection.
  using Answer = std::function<std::string(const std::string& received)>;

  explicit FakeServer(Answer answer) : answer_(std::move(answer)) {
    REQUIRE(::listen(socket_.fd.get(), 16) == 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeServer() {
    stop_ = true;
    thread_.join();
    for (std::thread& talking : talking_) talking.join();
  }
  StorePlace place() const { return {"127.0.0.1", socket_.port}; }
  std::string where() const { return to_string(place()); }
  int connections() const { return connections_; }

 private:
  void serve() {
    while (!stop_) {
      pollfd ready{socket_.fd.get(), POLLIN, 0};
      if (::poll(&ready, 1, 20) <= 0) continue;
      Fd fd(::accept4(socket_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!fd) continue;
      ++connections_;
      talking_.emplace_back([this, own = std::move(fd)] { talk(own.get()); });
    }
  }
  std::string answer(const std::string& received) {
    const std::lock_guard one_at_a_time(mutex_);
    return answer_(received);
  }
  void talk(int fd) {
    while (!stop_) {
      pollfd ready{fd, POLLIN, 0};
      std::string received;
      if (::poll(&ready, 1, 5) > 0) {
        char buffer[4096];
        const ssize_t size = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (size <= 0) return;
        received.assign(buffer, std::size_t(size));
      }
      const std::string said = answer(received);
      if (said == "<end>") return;
      std::size_t sent = 0;
      while (sent < said.size() && !stop_) {
        const ssize_t size =
            ::send(fd, said.data() + sent, said.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size > 0) {
          sent += std::size_t(size);
          continue;
        }
        if (errno != EAGAIN) return;
        pollfd writable{fd, POLLOUT, 0};
        ::poll(&writable, 1, 20);
      }
    }
  }

  Answer answer_;
  LoopbackSocket socket_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> connections_ = 0;
  std::mutex mutex_;  // of answer_
  std::list<std::thread> talking_;
  std::thread thread_;
};

// What an imitation of a Redis of this version says to the greetings of a store; `other` to all
// besides.
inline std::string imitation_reply(const std::string& received, const std::string& version,
                                   const std::string& other) {
  std::string said;
  for (std::size_t at = 0; (at = received.find('*', at)) != std::string::npos;) {
    const std::size_t end = std::min(received.find("\r\n*", at), received.size());
    const std::string command = received.substr(at, end - at);
    const std::string info =
        "# Server\r\nredis_version:" + version + "\r\nredis_mode:standalone\r\n";
    if (command.find("PING") != std::string::npos)
      said += "+PONG\r\n";
    else if (command.find("CLIENT") != std::string::npos)
      said += "+OK\r\n";
    else if (command.find("INFO") != std::string::npos) {
      said += "$" + std::to_string(info.size()) + "\r\n" + info + "\r\n";
    } else if (command.find("ROLE") != std::string::npos) {
      said += "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
    } else {
      said += other;
    }
    at = end;
  }
  return said;
}

}  // namespace grey::testing
