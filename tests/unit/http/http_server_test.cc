// Connections to a site: what is taken of them, and what they are told.
#include "greyd/http/http_server.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <spdlog/sinks/null_sink.h>

#include <memory>
#include <optional>
#include <string>

#include "tests/temporary_directory.h"
#include "tests/unit/net/stream_peer.h"

using namespace grey;
using testing::Peer;

namespace {

constexpr http::Milliseconds kAsked{5000};

// "/" is there at once, "/late" when the test says so.
struct TestSite : http::Site {
  std::optional<http::Answer> answer(const http::Request& request,
                                     http::Milliseconds asked_at) override {
    ++asked;
    CHECK(asked_at == kAsked);
    if (request.path == "/late" && !ready) return {};
    return http::Answer{200, "text/plain", "hello " + request.path + std::string(more, 'x')};
  }
  int asked = 0;
  bool ready = false;
  std::size_t more = 0;
};

struct Served {
  Served() {
    auto listener = Listener::open({directory / "socket", {}}, 0600);
    REQUIRE(listener);
    server.emplace(
        std::move(*listener), site, [this] { return now; }, logger, counters);
  }
  Peer connect() { return Peer(directory / "socket"); }
  // Until nothing is to be done.
  void run() {
    for (pollfd ready{server->fd(), POLLIN, 0}; ::poll(&ready, 1, 0) == 1;) server->handle();
  }
  std::string tell(Peer& peer, const std::string& text) {
    peer.send(text);
    run();
    return peer.received();
  }
  void ticks(unsigned count) {
    for (unsigned i = 0; i < count; ++i) server->tick();
  }

  testing::TemporaryDirectory directory;
  TestSite site;
  http::Milliseconds now = kAsked;
  spdlog::logger logger{"test", std::make_shared<spdlog::sinks::null_sink_st>()};
  StreamCounters counters;
  std::optional<http::Server> server;
};

// The statuses of what has come, and "|" where the connection has ended.
std::string statuses(const std::string& octets) {
  std::string text;
  for (std::size_t at = 0; (at = octets.find("HTTP/1.1 ", at)) != std::string::npos; ++at) {
    text += (text.empty() ? "" : " ") + octets.substr(at + 9, 3);
  }
  return text + (octets.ends_with('|') ? "|" : "");
}

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

}  // namespace

TEST_CASE("a connection brings one request after another") {
  Served served;
  Peer peer = served.connect();
  for (int i = 0; i < 3; ++i) {
    const std::string octets = served.tell(peer, kGet);
    CHECK(statuses(octets) == "200");
    CHECK(octets.ends_with("\r\n\r\nhello /"));
  }
  CHECK(statuses(served.tell(peer, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")) ==
        "200|");
}

TEST_CASE("a request may come octet by octet") {
  Served served;
  Peer peer = served.connect();
  for (const char c : kGet.substr(0, kGet.size() - 1)) CHECK(served.tell(peer, {c}).empty());
  CHECK(statuses(served.tell(peer, "\n")) == "200");
}

TEST_CASE("an answer that is not there yet comes when it is") {
  Served served;
  Peer first = served.connect(), second = served.connect(), gone = served.connect();
  CHECK(served.tell(first, "GET /late HTTP/1.1\r\nHost: a\r\n\r\n").empty());
  CHECK(served.tell(second, "GET /late HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").empty());
  CHECK(served.tell(gone, "GET /late HTTP/1.1\r\nHost: a\r\n\r\n").empty());
  Peer other = served.connect();
  CHECK(statuses(served.tell(other, kGet)) == "200");
  CHECK(served.server->waiting() == 3);
  gone.close();
  served.run();
  CHECK(served.server->waiting() == 2);
  served.server->resume();  // of something else
  CHECK(first.received().empty());
  served.site.ready = true;
  served.site.asked = 0;
  served.now += http::Milliseconds(7000);  // what counts is when it was asked for
  served.server->resume();
  CHECK(served.site.asked == 2);  // who has gone is not asked for
  CHECK(statuses(first.received()) == "200");
  CHECK(statuses(second.received()) == "200|");
  served.now = kAsked;
  CHECK(statuses(served.tell(first, kGet)) == "200");
}

TEST_CASE("what is no request, too long or has a body is told so, and is the last") {
  struct Row {
    std::string name;
    std::string text;
    std::string statuses;
  };
  const std::string long_text(http::Server::kMaxHead, 'x');
  const Row rows[] = {
      {"another protocol", "\x16\x03\x01\x02", "400|"},
      {"lower case", "get / HTTP/1.1\r\n\r\n", "400|"},
      {"an empty line", "\r\n", "400|"},
      {"lines that are not ended so", "GET / HTTP/1.1\n\n", "400|"},
      {"a line feed first", "\n", "400|"},
      {"no host", "GET / HTTP/1.1\r\n\r\n", "400|"},
      {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400|"},
      {"a long path", "GET /" + long_text, "414|"},
      {"a long header", "GET / HTTP/1.1\r\nA: " + long_text, "431|"},
      {"a long header that ends", "GET / HTTP/1.1\r\nA: " + long_text + "\r\n\r\n", "431|"},
      {"a body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "200|"},
      {"a body as a request", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n" + kGet,
       "200|"},
      {"chunks", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
       "200|"},
      {"two requests at once", kGet + kGet, "200|"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Served served;
    Peer peer = served.connect();
    CHECK(statuses(served.tell(peer, row.text)) == row.statuses);
  }
}

TEST_CASE("a megabyte that follows is not kept, and its sender hears why") {
  Served served;
  Peer peer = served.connect();
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  std::size_t sent = 0;
  for (; sent < 1'000'000 && peer.send_some(std::string(10'000, 'x')); sent += 10'000) served.run();
  CHECK(sent == 1'000'000);
  CHECK(statuses(peer.received()) == "200|");
}

TEST_CASE("who sends nothing, or not all, is closed in time") {
  Served served;
  Peer idle = served.connect(), slow = served.connect();
  served.run();
  CHECK(served.tell(slow, "GET / HTT").empty());
  for (unsigned i = 0; i < http::Server::kUnfinished; ++i) {
    served.ticks(1);
    served.tell(idle, "");
    if (i + 1 < http::Server::kUnfinished) CHECK(served.tell(slow, "P").empty());
  }
  CHECK(slow.received() == "|");
  CHECK(idle.received().empty());
  served.ticks(http::Server::kIdle);
  CHECK(idle.received() == "|");
}

TEST_CASE("of a thousand connections the newest are there, and are answered") {
  Served served;
  std::vector<Peer> peers;
  for (int i = 0; i < 1000; ++i) {
    peers.push_back(served.connect());
    served.run();
  }
  CHECK(served.counters.crowded_out == 1000 - http::Server::kMaxConnections);
  CHECK(peers.front().received() == "|");
  CHECK(statuses(served.tell(peers.back(), kGet)) == "200");
}

TEST_CASE("answers that nobody takes are bounded in memory") {
  Served served;
  served.site.more = 1 << 20;
  std::vector<Peer> peers;
  for (int i = 0; i < 100; ++i) {
    peers.push_back(served.connect());
    served.run();
    peers.back().send(kGet);
    served.run();
  }
  CHECK(served.counters.out_of_memory >= 100 - (http::Server::kMaxHeld >> 20));
}
