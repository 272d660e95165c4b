// Random clients against models of servers that disagree on where lines, messages and transactions
// end: whatever is sent, and however it is cut, no message reaches a server whose envelope was not
// accepted. Runs are reproducible: the seed is the number of the run.
#include <doctest/doctest.h>

#include <cstdlib>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "smtpd-glue/greysmtpd/smtp_session.h"

using namespace grey::smtp;
using namespace std::string_literals;

namespace {

// How the servers in the field differ.
struct Kind {
  bool lf_ends_message;   // mailfront, Postfix; others (qmail-smtpd) hang up at a bare LF
  bool helo_resets;       // qmail-smtpd
  bool message_resets;    // not mailfront
  bool nul_ends_command;  // qmail-smtpd, where a command is a C string
  bool chunking;          // Exim, Postfix; the others take a chunk for commands
};

class Server {
 public:
  explicit Server(Kind kind) : kind_(kind) {}

  // The replies to what came in.
  std::string feed(std::string_view bytes) {
    std::string replies;
    for (const char c : bytes) {
      if (hung_up_) break;
      if (chunk_left_ > 0) {
        if (--chunk_left_ == 0) replies += end_chunk();
        continue;
      }
      line_ += c;
      if (c != '\n') continue;
      replies += in_message_ ? content(line_) : command(line_);
      line_.clear();
    }
    return replies;
  }
  std::vector<std::string> senders;  // of all messages taken

 private:
  std::string command(std::string line) {
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
    if (kind_.nul_ends_command) line = line.substr(0, line.find('\0'));
    for (char& c : line) {
      if (c >= 'a' && c <= 'z') c = char(c - 32);
    }
    if (kind_.chunking && (line.starts_with('\v') || line.starts_with('\r'))) line.erase(0, 1);
    const std::string verb = line.substr(0, line.find(' '));
    const std::string argument = line.substr(std::min(line.find('<'), line.size()));
    if (verb == "MAIL") {
      reset();
      sender_ = argument;
      has_sender_ = true;
    } else if (verb == "RCPT") {
      if (!has_sender_) return "503 no\r\n";
      if (argument == "<NO>") return "550-no\r\n550 no\r\n";
      ++recipients_;
    } else if (verb == "DATA") {
      if (recipients_ == 0) return "503 no\r\n";
      in_message_ = true;
      return "354 go\r\n";
    } else if (verb == "RSET") {
      reset();
    } else if (verb == "EHLO") {
      if (kind_.helo_resets) reset();
      return kind_.chunking ? "250-me\r\n250-STARTTLS\r\n250 CHUNKING\r\n" : "250 me\r\n";
    } else if (verb == "BDAT" && kind_.chunking) {
      // As liberal as C makes it: 010 is 8, and 0x10 is 16.
      char* end = nullptr;
      chunk_left_ = strtoul(line.c_str() + 4, &end, 0);
      chunk_is_last_ = std::string(end).find("LAST") != std::string::npos;
      return chunk_left_ == 0 ? end_chunk() : "";
    } else if (verb != "NOOP") {
      return "500 what\r\n";
    }
    return "250 ok\r\n";
  }

  std::string content(const std::string& line) {
    const bool crlf = line.size() > 1 && line[line.size() - 2] == '\r';
    if (!crlf && !kind_.lf_ends_message) {
      hung_up_ = true;
      return "451 bare LF\r\n";
    }
    if (!ends_message(line)) return {};
    in_message_ = false;
    senders.push_back(sender_);
    if (kind_.message_resets) reset();
    return "250 queued\r\n";
  }

  bool ends_message(std::string line) const {
    if (kind_.lf_ends_message && kind_.message_resets) {  // Postfix
      while (line.ends_with("\r\r\n")) line.erase(line.size() - 2, 1);
    } else if (kind_.lf_ends_message && line.starts_with('\r')) {  // mailfront
      line.erase(0, 1);
    }
    return line == ".\r\n" || line == ".\n";
  }

  std::string end_chunk() {
    if (recipients_ == 0) return "503 no\r\n";
    if (!chunk_is_last_) return "250 ok\r\n";
    senders.push_back(sender_);
    if (kind_.message_resets) reset();
    return "250 queued\r\n";
  }

  void reset() {
    has_sender_ = false;
    recipients_ = 0;
  }

  Kind kind_;
  std::string line_;
  std::string sender_;
  bool has_sender_ = false;
  int recipients_ = 0;
  bool in_message_ = false;
  unsigned long chunk_left_ = 0;
  bool chunk_is_last_ = false;
  bool hung_up_ = false;
};

std::string random_stream(std::mt19937& random) {
  // Whole messages among them: by chance alone there would be few.
  static const std::string kWords[] = {"MAIL FROM:<good>\r\nRCPT TO:<r>\r\nDATA\r\n",
                                       "MAIL FROM:<good>\r\nRCPT TO:<r>\r\nDATA\r\nx",
                                       "MAIL FROM:<bad>\r\nRCPT TO:<r>\r\nDATA\r\nx\r\n.\r\n",
                                       "MAIL FROM:<bad>\r\nRCPT TO:<r>\r\nDATA\r\n.\r\n",
                                       "MAIL FROM:<good>\r\n",
                                       "mail from:<bad>\r\n",
                                       "MAIL FROM:<bad>\n",
                                       "RCPT TO:<r>\r\n",
                                       "RCPT TO:<r>\r\n",
                                       "RCPT TO:<NO>\r\n",
                                       "DATA\r\n",
                                       "DATA\r\n",
                                       "data\n",
                                       "DATA\0x\r\n"s,
                                       "DATA \r\n",
                                       "RSET\r\n",
                                       "EHLO me\r\n",
                                       "NOOP\r\n",
                                       "STARTTLS\r\n",
                                       "BDAT 9\r\n",
                                       "BDAT 6\r\n",
                                       "bdat 010\r\n",
                                       "BDAT 0x10\r\n",
                                       "BDAT 7 LAST\r\n",
                                       "BDAT 0 LAST\n",
                                       "BDAT 20 LAST\r\nRSET\r\nMAIL FROM:<bad>\r\n",
                                       "AUTH PLAIN x\r\n",
                                       "XCLIENT ADDR=1.2.3.4\r\n",
                                       ".\r\n",
                                       ".\r\n",
                                       ".\r\n",
                                       ".\n",
                                       "x\r\n",
                                       "x\n",
                                       "\r\n",
                                       "\n",
                                       "\r",
                                       ".",
                                       "..\r\n",
                                       "\r.\r\n",
                                       ".\r\r\n",
                                       "\n.\r\n",
                                       "\r.\n",
                                       "\r\r.\n",
                                       ".\r\r\r\n",
                                       "MAIL FROM:<>\r\nRCPT TO:<r>\r\n",
                                       "\vMAIL FROM:<bad>\r\n",
                                       "\rDATA\r\n",
                                       "\vBDAT 0 LAST\r\n",
                                       "MAIL FROM:bad <good>\r\n",
                                       "MAIL FROM:good <bad>\r\n",
                                       "\0"s,
                                       "xyz"};
  std::string stream;
  for (int i = 0; i < 60; ++i) stream += kWords[random() % std::size(kWords)];
  return stream;
}

std::vector<std::string> run(Kind kind, AskAt ask_at, unsigned seed) {
  std::mt19937 random(seed);
  // EHLO first, or there would be few chunks.
  const std::string stream = (seed % 3 == 0 ? "" : "EHLO me\r\n") + random_stream(random);
  Server server(kind);
  SmtpSession session(ask_at);
  session.from_server("220 hi\r\n");
  std::string held;
  const auto settle = [&] {
    for (;;) {
      held.erase(0, session.from_client(held));
      if (session.asking()) {
        session.question().sender == "good" ? session.accept() : session.defer("450 later");
        continue;
      }
      const std::string sent = std::exchange(session.to_server, {});
      session.from_server(server.feed(sent));
      if (!sent.empty()) continue;
      if (!session.in_doubt() || held.empty()) return;
      session.give_up();
    }
  };
  for (std::size_t i = 0; i < stream.size();) {
    const std::size_t size = 1 + random() % (seed % 2 == 0 ? 40 : 400);
    held += stream.substr(i, size);
    i += size;
    settle();
  }
  return server.senders;
}

}  // namespace

TEST_CASE("no client gets a message past the question") {
  std::size_t messages = 0;
  for (unsigned bits = 0; bits < 64; ++bits) {
    const Kind kind{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0,
                    (bits & 16) != 0};
    const AskAt ask_at = (bits & 32) != 0 ? AskAt::rcpt : AskAt::data;
    for (unsigned seed = 0; seed < 1500; ++seed) {
      for (const auto& sender : run(kind, ask_at, seed)) {
        ++messages;
        if (sender == "<GOOD>") continue;
        CAPTURE(bits);
        CAPTURE(seed);
        FAIL_CHECK("a message from ", sender);
      }
    }
  }
  CHECK(messages > 1000);
}
