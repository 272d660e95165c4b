#include "smtpd-glue/greysmtpd/refusal_session.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <utility>

#include "smtpd-glue/greysmtpd/refuse.h"

using namespace grey::smtp;

namespace {

struct Refused {
  RefusalSession session{"mx.example.net", "450 4.7.1 later"};
  Refused() { CHECK(said() == "220 mx.example.net ESMTP\r\n"); }

  std::string said() { return std::exchange(session.to_client, {}); }
  std::string to(const std::string& bytes) {
    for (std::size_t i = 0; i < bytes.size(); i += RefusalSession::kMaxRead) {
      session.from_client(std::string_view(bytes).substr(i, RefusalSession::kMaxRead));
    }
    return said();
  }
};

}  // namespace

TEST_CASE("a refused client hears 450 at each recipient and may say what it likes else") {
  Refused client;
  const struct {
    std::string line, reply;
  } rows[] = {
      {"HELO me\r\n", "250 mx.example.net\r\n"},
      {"MAIL FROM:<a@x>\r\n", "250 2.0.0 Ok\r\n"},
      {"RCPT TO:<b@x>\r\n", "450 4.7.1 later\r\n"},
      {"rcpt to:<c@x>\n", "450 4.7.1 later\r\n"},
      {"DATA\r\n", "450 4.7.1 later\r\n"},
      {"RSET\r\n", "250 2.0.0 Ok\r\n"},
      {"NOOP\r\n", "250 2.0.0 Ok\r\n"},
      {"STARTTLS\r\n", "454 4.7.0 Not available now\r\n"},
      {"AUTH PLAIN AGEAYg==\r\n", "454 4.7.0 Not available now\r\n"},
      {"VRFY b@x\r\n", "502 5.5.1 Command not available\r\n"},
      {"\r\n", "502 5.5.1 Command not available\r\n"},
      {"MAIL " + std::string(1000000, 'x') + "\r\n", "250 2.0.0 Ok\r\n"},
      {"BDAT 5\r\nQUIT\n", "450 4.7.1 later\r\n"},
      {"BDAT 0 LAST\r\n", "450 4.7.1 later\r\n"},
      {"BDAT 6 LAST \r\nQUIT\r\n", "450 4.7.1 later\r\n"},
      {"QUIT\r\n", "221 2.0.0 mx.example.net\r\n"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.line.substr(0, 100));
    CHECK_FALSE(client.session.closed());
    CHECK(client.to(row.line) == row.reply);
  }
  CHECK(client.session.closed());
}

TEST_CASE("a chunk that nobody can tell the end of ends a refused client's session") {
  Refused client;
  client.to("EHLO me\r\n");
  CHECK(client.to("BDAT x\r\nMAIL FROM:<a@x>\r\n") == "421 4.5.4 Syntax: BDAT size [LAST]\r\n");
  CHECK(client.session.closed());
}

TEST_CASE("a refused client that names too many recipients hears 421, and the session ends") {
  RefusalSession session("mx.example.net", "553 go away", 3);
  session.to_client.clear();
  session.from_client("MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\nRSET\r\n");
  CHECK_FALSE(session.closed());
  CHECK(std::exchange(session.to_client, {}) ==
        "250 2.0.0 Ok\r\n553 go away\r\n553 go away\r\n250 2.0.0 Ok\r\n");
  session.from_client("RCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\n");
  CHECK(session.to_client == "421 4.7.0 Too many recipients\r\n");
  CHECK(session.closed());
}

TEST_CASE("a refused client is offered what its message may need") {
  Refused client;
  const std::string offers = client.to("EHLO me\r\n");
  for (const auto keyword : {"PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "CHUNKING"}) {
    CHECK(offers.find("250-" + std::string(keyword) + "\r\n") != std::string::npos);
  }
  CHECK(offers.ends_with("250 BINARYMIME\r\n"));
}

TEST_CASE("a refused client that pipelines gets each answer, wherever its stream is cut") {
  const std::string input =
      "EHLO me\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nBDAT 7\r\n\r\nDATA\nDATA\r\nQUIT\r\n";
  const std::string whole = Refused().to(input);
  for (std::size_t cut = 1; cut < input.size(); ++cut) {
    Refused client;
    std::string said;
    for (std::size_t i = 0; i < input.size(); i += cut) said += client.to(input.substr(i, cut));
    CHECK(said == whole);
    CHECK(client.session.closed());
  }
}

TEST_CASE("a refused client gets tired of") {
  Refused client;
  std::string said;
  for (std::size_t i = 0; i < RefusalSession::kMaxCommands; ++i) said = client.to("NOOP\r\n");
  CHECK(said == "250 2.0.0 Ok\r\n");
  CHECK(client.to("NOOP\r\nNOOP\r\n") == "421 4.7.0 Too many commands\r\n");
  CHECK(client.session.closed());
}

TEST_CASE("a host name from outside cannot break out of its line") {
  RefusalSession session("a\r\n250 b", "450 later");
  CHECK(session.to_client == "220 a  250 b ESMTP\r\n");
}

namespace {

// What a client reads that sends `bytes` and then nothing more.
std::string read_of_refuse(const std::string& bytes, int limit_ms, bool hang_up) {
  signal(SIGPIPE, SIG_IGN);
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  std::thread server([fd = ends[1], limit_ms] {
    RefusalSession session("me", "450 later");
    refuse(session, fd, fd, limit_ms);
    close(fd);
  });
  REQUIRE(write(ends[0], bytes.data(), bytes.size()) == ssize_t(bytes.size()));
  if (hang_up) shutdown(ends[0], SHUT_WR);
  std::string heard;
  char buffer[4096];
  for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;)
    heard.append(buffer, std::size_t(got));
  server.join();
  close(ends[0]);
  return heard;
}

}  // namespace

TEST_CASE("a refused client that says nothing is let go") {
  CHECK(read_of_refuse("HELO", 50, false) == "220 me ESMTP\r\n421 4.4.2 Too slow\r\n");
}

TEST_CASE("a refused client that hangs up, or says goodbye, is not waited for") {
  constexpr int kNever = 1000000;
  CHECK(read_of_refuse("RCPT TO:<a>\r\nHALF", kNever, true) == "220 me ESMTP\r\n450 later\r\n");
  CHECK(read_of_refuse("QUIT\r\n", kNever, false) == "220 me ESMTP\r\n221 2.0.0 me\r\n");
}

TEST_CASE("a refused client that reads nothing is let go") {
  signal(SIGPIPE, SIG_IGN);
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  const int small = 4096;
  setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  std::string much;
  for (int i = 0; i < 900; ++i) much += "EHLO\r\n";
  REQUIRE(write(ends[0], much.data(), much.size()) == ssize_t(much.size()));
  RefusalSession session("me", "450 later");
  refuse(session, ends[1], ends[1], 50);
  CHECK_FALSE(session.to_client.empty());
  close(ends[0]);
  close(ends[1]);
}
