// A client and a server that speak through an SmtpSession, for its tests.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>

#include "smtpd-glue/greysmtpd/smtp_session.h"

namespace grey::smtp {

// What the daemon would say: in the tests the sender decides.
inline bool accepted(const Question& question) {
  return question.sender.starts_with("good") || question.client.starts_with("good");
}

inline constexpr std::string_view kNoRecipient = "503 5.5.1 No recipient was accepted\r\n";

// A session, and the client's octets that it has not taken yet. Every byte stream is handed over in
// pieces of `cut` octets: nothing may depend on where a stream is cut.
struct Talk {
  explicit Talk(std::size_t piece = 100000, AskAt ask_at = AskAt::data)
      : cut(piece), session(ask_at) {}
  explicit Talk(AskAt ask_at) : Talk(100000, ask_at) {}

  void offer() {
    for (;;) {
      const std::size_t taken = session.from_client(held);
      held.erase(0, taken);
      if (!session.asking()) return;
      const Question& q = session.question();
      asked += q.sender + "|" + q.recipients + "|";
      accepted(q) ? session.accept() : session.defer("450 later");
    }
  }
  void client(std::string_view bytes) {
    for (std::size_t i = 0; i < bytes.size(); i += cut) {
      held += bytes.substr(i, cut);
      offer();
    }
  }
  void server(std::string_view bytes) {
    for (std::size_t i = 0; i < bytes.size(); i += cut) {
      session.from_server(bytes.substr(i, cut));
      offer();
    }
  }
  // What came out since the last call.
  std::string to_server() { return std::exchange(session.to_server, {}); }
  std::string to_client() { return std::exchange(session.to_client, {}); }

  // One command with its reply, both of which must pass unchanged.
  void exchange(const std::string& command, const std::string& reply) {
    client(command);
    CHECK(to_server() == command);
    server(reply);
    CHECK(to_client() == reply);
  }
  void greet() {
    server("220 hello\r\n");
    CHECK(to_client() == "220 hello\r\n");
  }
  // EHLO, after which the server has offered all that makes a difference.
  void extend() {
    exchange("EHLO me\r\n", "250-me\r\n250-STARTTLS\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
  }
  void envelope(const std::string& sender) {
    exchange("MAIL FROM:<" + sender + ">\r\n", "250 ok\r\n");
    exchange("RCPT TO:<r@x>\r\n", "250 ok\r\n");
  }
  void start_message() {
    greet();
    envelope("good@x");
    exchange("DATA\r\n", "354 go\r\n");
  }

  std::size_t cut;
  SmtpSession session;
  std::string held;
  std::string asked;
};

}  // namespace grey::smtp
