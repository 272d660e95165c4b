// Real servers for tests: redis-server processes on ports of 127.0.0.1 that were free, in a
// directory of their own, gone with the object.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "greyd/base/files.h"
#include "greyd/base/store_url.h"
#include "greyd/store/redis_protocol.h"
#include "tests/temporary_directory.h"
#include "tests/unit/store/loopback.h"

namespace grey::testing {

using Words = std::vector<std::string>;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{30};  // a test that waits for so long has failed

inline std::chrono::milliseconds since(Clock::time_point begin) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
}

template <typename Condition>
bool within(std::chrono::milliseconds time, Condition condition) {
  const Clock::time_point begin = Clock::now();
  while (!condition()) {
    if (since(begin) > time) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

// Asks a server and waits: for what a test prepares and looks at. An error is a reply here.
class RedisClient {
 public:
  explicit RedisClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    const timeval limit{10, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    connected_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  // Its kind is error, and its text empty, when nobody answers.
  Reply ask(const Words& words) {
    Reply none;
    none.kind = Reply::Kind::error;
    std::string text;
    append_command(text, words);
    if (!connected_ || write_all(fd_.get(), text) != 0) return none;
    char buffer[4096];
    for (;;) {
      auto reply = reader_.next();
      if (!reply) return none;
      if (*reply) return std::move(**reply);
      const ssize_t size = ::recv(fd_.get(), buffer, sizeof buffer, 0);
      if (size <= 0) return none;
      reader_.feed({buffer, std::size_t(size)});
    }
  }

 private:
  Fd fd_;
  bool connected_ = false;
  ReplyReader reader_;
};

class RedisServer {
 public:
  // `options` as on its command line: {"--requirepass", "x"}.
  explicit RedisServer(Words options = {})
      : options_(std::move(options)), port_(LoopbackSocket().port) {
    start();
  }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;
  ~RedisServer() { kill(); }

  static bool installed() { return std::system("command -v redis-server >/dev/null 2>&1") == 0; }

  std::uint16_t port() const { return port_; }
  StorePlace place() const { return {"127.0.0.1", port_}; }
  std::string where() const { return to_string(place()); }

  // On the same port as before; only the first time another will do, when somebody has taken it.
  void start() {
    const Clock::time_point begin = Clock::now();
    for (;;) {
      run();
      if (answers()) break;
      REQUIRE(since(begin) < kPatience);
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      if (!started_) port_ = LoopbackSocket().port;
    }
    started_ = true;
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  void hang() { ::kill(pid_, SIGSTOP); }
  void go_on() { ::kill(pid_, SIGCONT); }

  Reply ask(const Words& words) { return RedisClient(port_).ask(words); }

 protected:
  struct Sentinel {};
  RedisServer(Sentinel, const std::string& config) : port_(LoopbackSocket().port) {
    config_ = directory_ / "sentinel.conf";
    std::ofstream(config_) << config;
    start();
  }

 private:
  Words command() const {
    Words words = {"redis-server"};
    if (!config_.empty()) words.insert(words.end(), {config_, "--sentinel"});
    words.insert(words.end(),
                 {"--port", std::to_string(port_), "--bind", "127.0.0.1", "--dir",
                  directory_.path(), "--logfile", directory_ / "log", "--daemonize", "no"});
    if (config_.empty()) words.insert(words.end(), {"--save", ""});
    words.insert(words.end(), options_.begin(), options_.end());
    return words;
  }
  void run() {
    const Words words = command();
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ > 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // whatever becomes of the test
    const int null = ::open("/dev/null", O_RDWR);
    for (const int fd : {0, 1, 2}) ::dup2(null, fd);
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  // False when it has ended instead.
  bool answers() {
    bool ended = false;
    REQUIRE(within(kPatience, [&] {
      ended = ::waitpid(pid_, nullptr, WNOHANG) == pid_;
      if (ended) return true;
      const Reply reply = ask({"PING"});
      return reply.is("PONG") || reply.text.starts_with("NOAUTH");
    }));
    if (ended) pid_ = -1;
    return !ended;
  }

  TemporaryDirectory directory_;
  std::string config_;
  Words options_;
  std::uint16_t port_;
  pid_t pid_ = -1;
  bool started_ = false;
};

// One of those that watch over `master` as NAME, with the quorum of `quorum`.
class RedisSentinel : public RedisServer {
 public:
  RedisSentinel(const std::string& name, const RedisServer& master, int quorum,
                int down_after_ms = 500)
      : RedisServer(Sentinel{}, "sentinel monitor " + name + " 127.0.0.1 " +
                                    std::to_string(master.port()) + " " + std::to_string(quorum) +
                                    "\nsentinel down-after-milliseconds " + name + " " +
                                    std::to_string(down_after_ms) + "\nsentinel failover-timeout " +
                                    name + " 3000\n") {}
};

}  // namespace grey::testing
