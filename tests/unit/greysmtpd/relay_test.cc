#include "smtpd-glue/greysmtpd/relay.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <string>
#include <thread>

using namespace grey::smtp;

namespace {

constexpr int kPatienceMs = 60000;

// The relay in a thread; this thread plays client and server on the other ends of its descriptors.
class Wire {
 public:
  explicit Wire(
      const RelayLimits& limits = {}, Tls tls = Tls::in_stream, AskAt ask_at = AskAt::data,
      const Decide& decide = [](const Question&) { return std::string(); })
      : limits_(limits), session_(ask_at, tls), decide_(decide) {
    signal(SIGPIPE, SIG_IGN);
    int client_pair[2], server_pair[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, client_pair) == 0);
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, server_pair) == 0);
    client = client_pair[0];
    server = server_pair[0];
    relay_client_ = client_pair[1];
    relay_server_ = server_pair[1];
    thread_ = std::thread([this] {
      relay(session_, {relay_client_, relay_client_, relay_server_}, decide_, limits_);
      close(relay_client_);
      close(relay_server_);
    });
  }
  ~Wire() {
    finish();
    for (const int fd : {client, server}) {
      if (fd >= 0) close(fd);
    }
  }
  // Waits for the relay to return. The server must have closed its output.
  void finish() {
    hang_up(server);
    if (thread_.joinable()) thread_.join();
  }
  static void hang_up(int& fd) {
    if (fd >= 0) close(fd);
    fd = -1;
  }
  static void send(int fd, const std::string& bytes) {
    REQUIRE(write(fd, bytes.data(), bytes.size()) == ssize_t(bytes.size()));
  }
  // As much as `expected` is long; less when nothing more comes.
  static std::string read_as_much(int fd, const std::string& expected) {
    std::string got;
    while (got.size() < expected.size()) {
      char buffer[4096];
      pollfd ready{fd, POLLIN, 0};
      if (poll(&ready, 1, kPatienceMs) <= 0) break;
      const ssize_t size = read(fd, buffer, std::min(sizeof buffer, expected.size() - got.size()));
      if (size <= 0) break;
      got.append(buffer, std::size_t(size));
    }
    return got;
  }
  static bool ended(int fd) {
    char byte;
    pollfd ready{fd, POLLIN, 0};
    return poll(&ready, 1, kPatienceMs) == 1 && read(fd, &byte, 1) == 0;
  }
  // What the relay has not read of what the client has said.
  std::string read_beside_relay() const {
    char buffer[100];
    const ssize_t size = recv(relay_client_, buffer, sizeof buffer, MSG_DONTWAIT);
    return {buffer, std::size_t(std::max<ssize_t>(size, 0))};
  }
  void client_says(const std::string& bytes) { send(client, bytes); }
  void server_says(const std::string& bytes) { send(server, bytes); }
  void client_hears(const std::string& bytes) { CHECK(read_as_much(client, bytes) == bytes); }
  void server_hears(const std::string& bytes) { CHECK(read_as_much(server, bytes) == bytes); }
  void pass(const std::string& command, const std::string& reply) {
    client_says(command);
    server_hears(command);
    server_says(reply);
    client_hears(reply);
  }
  // All that the client has said is out of its socket.
  void relay_has_read() const {
    int left = 1;
    for (int i = 0; i < kPatienceMs && left > 0; ++i) {
      REQUIRE(ioctl(relay_client_, FIONREAD, &left) == 0);
      if (left > 0) poll(nullptr, 0, 1);
    }
    REQUIRE(left == 0);
  }
  void start_message() {
    server_says("220 hi\r\n");
    client_hears("220 hi\r\n");
    pass("MAIL FROM:<a@x>\r\n", "250 ok\r\n");
    pass("RCPT TO:<b@x>\r\n", "250 ok\r\n");
    pass("DATA\r\n", "354 go\r\n");
  }

  int client = -1, server = -1;

 private:
  RelayLimits limits_;
  SmtpSession session_;
  Decide decide_;
  int relay_client_ = -1, relay_server_ = -1;
  std::thread thread_;
};

}  // namespace

TEST_CASE("a client that closes ends the server's input, and the server's last words are read") {
  Wire wire;
  wire.start_message();
  wire.client_says("half a mess");
  wire.server_hears("half a mess");
  Wire::hang_up(wire.client);
  CHECK(Wire::ended(wire.server));
  wire.server_says("451 lost\r\n");
  wire.finish();
}

TEST_CASE("a client that only stops sending gets the replies to all it sent") {
  Wire wire;
  wire.client_says("NOOP\r\nHELP\r\nunfinished");
  REQUIRE(shutdown(wire.client, SHUT_WR) == 0);
  wire.server_says("220 hi\r\n");
  wire.server_hears("NOOP\r\n");
  wire.server_says("250 ok\r\n");
  wire.server_hears("HELP\r\n");
  wire.server_says("214 help\r\n");
  CHECK(Wire::ended(wire.server));
  Wire::hang_up(wire.server);
  wire.client_hears("220 hi\r\n250 ok\r\n214 help\r\n");
  CHECK(Wire::ended(wire.client));
}

TEST_CASE("who speaks before it is greeted is told from who waits") {
  for (const bool early : {true, false}) {
    CAPTURE(early);
    std::promise<bool> told;
    Wire wire({}, Tls::in_stream, AskAt::data, [&](const Question& question) {
      told.set_value(question.spoke_early);
      return std::string();
    });
    if (early) {
      wire.client_says("EHLO mx.x\r\n");
      wire.relay_has_read();
    }
    wire.server_says("220 hi\r\n");
    wire.client_hears("220 hi\r\n");
    if (!early) wire.client_says("EHLO mx.x\r\n");
    wire.server_hears("EHLO mx.x\r\n");
    wire.server_says("250 me\r\n");
    wire.client_hears("250 me\r\n");
    wire.pass("MAIL FROM:<a@x>\r\n", "250 ok\r\n");
    wire.pass("RCPT TO:<b@x>\r\n", "250 ok\r\n");
    wire.pass("DATA\r\n", "354 go\r\n");
    CHECK(told.get_future().get() == early);
  }
}

TEST_CASE("a server that ends is heard to the end") {
  Wire wire;
  wire.server_says("220 hi\r\n421 b");
  Wire::hang_up(wire.server);
  wire.client_hears("220 hi\r\n421 b");
  CHECK(Wire::ended(wire.client));
}

TEST_CASE("a server that reads no more may still speak") {
  Wire wire;
  wire.start_message();
  REQUIRE(shutdown(wire.server, SHUT_RD) == 0);
  wire.client_says("content\r\n");
  wire.server_says("452 full\r\n");
  wire.client_hears("452 full\r\n");
}

TEST_CASE("an end of message in doubt is waited for, but not for ever") {
  RelayLimits limits;
  limits.doubt_ms = 50;
  Wire wire(limits);
  wire.start_message();
  wire.client_says("x\n.\nmore");
  wire.server_hears("x\n.\n");
  CHECK(Wire::ended(wire.server));
  wire.client_hears("451 ");
}

TEST_CASE("where somebody else speaks TLS, the client's octets are left to him") {
  Wire wire({}, Tls::aside);
  wire.server_says("220 hi\r\n");
  wire.client_hears("220 hi\r\n");
  wire.pass("EHLO me\r\n", "250-me\r\n250 STARTTLS\r\n");
  wire.pass("STARTTLS\r\n", "220 go ahead\r\n");
  wire.client_says("\x16\x03\x01");
  // When this is heard, the relay has looked at the client since.
  wire.server_says("220 really\r\n");
  wire.client_hears("220 really\r\n");
  CHECK(wire.read_beside_relay() == "\x16\x03\x01");
}

TEST_CASE("replies wait for the next one, but not for long") {
  RelayLimits limits;
  limits.cork_ms = 50;
  Wire wire(limits);
  wire.server_says("220 hi\r\n");
  wire.client_hears("220 hi\r\n");
  wire.client_says("NOOP\r\nHELP\r\n");
  wire.server_hears("NOOP\r\n");
  wire.server_says("250 ok\r\n");
  wire.server_hears("HELP\r\n");
  wire.client_hears("250 ok\r\n");  // while the server is silent
  wire.server_says("214-some\r\n");
  wire.client_hears("214-some\r\n");
  wire.server_says("214 help\r\n");
  wire.client_hears("214 help\r\n");
}

TEST_CASE("a client hears what is answered before the daemon is asked") {
  RelayLimits limits;
  limits.cork_ms = kPatienceMs;
  std::promise<void> heard;
  Wire wire(limits, Tls::in_stream, AskAt::rcpt, [&](const Question&) {
    heard.get_future().wait();
    return std::string("450 later");
  });
  wire.server_says("220 hi\r\n");
  wire.client_hears("220 hi\r\n");
  wire.client_says("MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\n");
  wire.server_hears("MAIL FROM:<a@x>\r\n");
  wire.server_says("250 sender ok\r\n");
  wire.client_hears("250 sender ok\r\n");
  heard.set_value();
  wire.client_hears("450 later\r\n");
}

TEST_CASE("a client that takes nothing is given up, so that the server may end") {
  RelayLimits limits;
  limits.stall_ms = 50;
  Wire wire(limits);
  const int small = 4096;
  setsockopt(wire.client, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  const std::string much = "220-" + std::string(990, 'x') + "\r\n";
  // More than fits all buffers in between: it gets through only when nobody waits for the client.
  for (int i = 0; i < 4000; ++i) wire.server_says(much);
  wire.finish();
}

TEST_CASE("a large message passes while its server is slow to read") {
  Wire wire;
  wire.start_message();
  const std::string content = std::string(3000000, 'x') + "\r\n.\r\n";
  std::thread sender([&] { Wire::send(wire.client, content); });
  const bool same = Wire::read_as_much(wire.server, content) == content;
  sender.join();
  CHECK(same);
  wire.server_says("250 ok\r\n");
  wire.client_hears("250 ok\r\n");
}
