// Which answers libgreylist believes.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "greyd/wire/endpoint.h"
#include "smtpd-glue/libgreylist/greylist.h"
#include "smtpd-glue/libgreylist/tagging_daemons.h"
#include "tests/unit/libgreylist/udp_daemon.h"

using namespace std::string_literals;

namespace {

using namespace grey::test;

// Addresses of daemons that send tags, of this file alone: 127.0.0.30 and up.
greylist_result ask(const std::string& servers, unsigned timeout_ms = 20000) {
  greylist_options options;
  greylist_options_init(&options);
  options.servers = servers.c_str();
  options.timeout_ms = timeout_ms;
  const greylist_query query{"192.0.2.1", nullptr, "a@example.org", "Tb@example.net", 15};
  return greylist_ask(&options, &query);
}

bool is_deferred(const std::string& servers) {
  const auto result = ask(servers);
  return result.error == GREYLIST_ANSWERED && result.verdict == GREYLIST_DEFER;
}

}  // namespace

TEST_CASE("a late answer to another question is passed over") {
  const auto answer = [](const std::string& query, int before) {
    const std::string other = "0123456789abcdef";
    if (before < 2)  // one in each form
      return Daemon::Answers{kAccept + other, kDefer + "\0\0\1\x2c"s + other, kAccept + "x"};
    return Daemon::Answers{kDefer + tag_of(query)};
  };
  Daemon daemon(answer, AF_INET, 30);
  CHECK(is_deferred(daemon.address()));
}

TEST_CASE("what is no answer is passed over, and duplicates of an answer are harmless") {
  Daemon daemon([](const std::string&, int) {
    return Daemon::Answers{"", "\2\1", "garbage", kDefer, kDefer, kAccept};
  });
  for (int i = 0; i < 3; ++i) CHECK(is_deferred(daemon.address()));
}

TEST_CASE("an answer has its documented length, whatever it ends with") {
  const auto answer = [](const std::string& query, int) {
    const std::string tag = tag_of(query);
    Daemon::Answers answers{tag, "\1" + tag, kAccept + "x" + tag, kAccept + tag + "x",
                            "\1\3xy" + tag};
    answers.push_back(kAccept + "xyz" + tag);
    answers.push_back(kAccept + "12345" + tag);
    answers.push_back(kAccept + std::string(65000, 'x') + tag);
    answers.push_back("\2\3" + tag);
    answers.push_back("1 1" + tag);
    answers.push_back(kDefer + tag);
    return answers;
  };
  Daemon daemon(answer, AF_INET, 31);
  CHECK(is_deferred(daemon.address()));
}

TEST_CASE("a daemon that has sent a tag is not believed without one any more") {
  std::atomic<bool> tags = true;
  const auto answer = [&](const std::string& query, int) {
    if (tags) return Daemon::Answers{kDefer + tag_of(query)};
    return Daemon::Answers{kAccept, "\1", kAccept, kDefer + tag_of(query)};
  };
  Daemon daemon(answer, AF_INET, 32), other(always(kAccept));
  CHECK(is_deferred(daemon.address()));
  tags = false;
  for (int i = 0; i < 3; ++i) CHECK(is_deferred(daemon.address()));
  CHECK(ask(other.address()).verdict == GREYLIST_ACCEPT);
  CHECK(is_deferred(daemon.address() + "," + other.address()));

  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { CHECK(is_deferred(daemon.address())); });
  for (auto& thread : threads) thread.join();
}

TEST_CASE("one that sends no tag any more does not answer") {
  const auto answer = [](const std::string& query, int before) {
    return Daemon::Answers{before == 0 ? kDefer + tag_of(query) : kAccept};
  };
  Daemon daemon(answer, AF_INET, 33);
  CHECK(is_deferred(daemon.address()));
  CHECK(ask(daemon.address(), 300).error == GREYLIST_SILENT);
}

TEST_CASE("as many daemons are remembered as there is room for, from any number of threads") {
  const auto daemon = [](unsigned number) {
    return grey::Endpoint{grey::Ip::from_v4(0x0a000000 + number), std::uint16_t(1 + number % 3)};
  };
  std::vector<std::thread> threads;
  for (unsigned thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (unsigned i = 0; i < 1000; ++i) {
        grey::glue::remember_sends_tags(daemon(thread * 1000 + i));
        grey::glue::sends_tags(daemon(i));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::size_t known = 0;
  for (unsigned i = 0; i < 4000; ++i) known += grey::glue::sends_tags(daemon(i));
  CHECK(known > 0);
  CHECK(known <= grey::glue::kMaxTaggingDaemons);
  grey::glue::remember_sends_tags(daemon(5000));
  CHECK(grey::glue::sends_tags(daemon(5000)));
}

TEST_CASE("only who was asked is believed: its address and its port") {
  // The question arrives here; the first answers come from other sockets.
  const auto bound = [](const char* ip) {
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in self{};
    self.sin_family = AF_INET;
    inet_pton(AF_INET, ip, &self.sin_addr);
    REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&self), sizeof self) == 0);
    return fd;
  };
  const int asked = bound("127.0.0.1"), other_port = bound("127.0.0.1"),
            other_address = bound("127.0.0.29");
  sockaddr_in self{};
  socklen_t size = sizeof self;
  getsockname(asked, reinterpret_cast<sockaddr*>(&self), &size);
  std::thread daemon([&] {
    char query[2000];
    sockaddr_in peer{};
    socklen_t peer_size = sizeof peer;
    recvfrom(asked, query, sizeof query, 0, reinterpret_cast<sockaddr*>(&peer), &peer_size);
    for (const int fd : {other_port, other_address, asked}) {
      const std::string& answer = fd == asked ? kDefer : kAccept;
      sendto(fd, answer.data(), 2, 0, reinterpret_cast<sockaddr*>(&peer), peer_size);
    }
  });
  CHECK(is_deferred("127.0.0.1@" + std::to_string(ntohs(self.sin_port))));
  daemon.join();
  for (const int fd : {asked, other_port, other_address}) close(fd);
}

TEST_CASE("more servers may be named than files may be open") {
  Daemon daemon(always(kDefer));
  std::string servers = daemon.address();
  for (int i = 1; i < GREYLIST_MAX_SERVERS; ++i) servers += "," + daemon.address();
  rlimit before;
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit few = before;
  few.rlim_cur = GREYLIST_MAX_SERVERS - 1;  // poll(2) takes no more than that
  REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
  const bool deferred = is_deferred(servers);
  setrlimit(RLIMIT_NOFILE, &before);
  CHECK(deferred);
}
