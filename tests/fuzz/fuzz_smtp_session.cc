// A hostile client, a server that is as lax as servers are, and greysmtpd's session between them:
// whatever the client sends, and however it is cut, the server gets no message that the daemon has
// not accepted.
#include <algorithm>
#include <string>
#include <string_view>

#include "smtpd-glue/bdat.h"
#include "smtpd-glue/smtp_session.h"
#include "smtpd-glue/smtp_syntax.h"
#include "tests/fuzz/require.h"

using namespace grey::smtp;

namespace {

// Bits of the first octet of the input.
enum : unsigned {
  kAtRcpt = 1,       // ask at RCPT
  kAccepting = 2,    // the daemon accepts every second question
  kBareLf = 4,       // the server takes "\n.\n" and the like for the end of a message
  kChunking = 8,     // it offers BDAT, and knows it
  kBadMail = 16,     // it refuses MAIL
  kKeepsMail = 32,   // it keeps the envelope over EHLO
  kLooseVerbs = 64,  // it takes white space before a command
  kOneByOne = 128,   // it gets the octets one at a time
};

class Server {
 public:
  explicit Server(unsigned habits) : habits_(habits) {}

  std::string replies = "220 ready\r\n";
  int recipients_seen = 0;  // of messages that have a sender
  int messages = 0;

  void take(std::string_view bytes) {
    for (const char c : bytes) take(c);
  }

 private:
  bool has(unsigned habit) const { return (habits_ & habit) != 0; }

  void take(char c) {
    if (chunk_ > 0) {
      if (--chunk_ == 0) replies += "250 chunk\r\n";
      return;
    }
    line_ += c;
    if (c != '\n') {
      if (line_.size() > 4096) line_.erase(0, 2048);
      return;
    }
    const std::string line = std::move(line_);
    line_.clear();
    in_message_ ? message_line(line) : command(line);
  }

  void message_line(std::string_view line) {
    if (line != ".\r\n" && !(has(kBareLf) && is_lax_end(line))) return;
    in_message_ = false;
    forget();
    replies += "250 taken\r\n";
  }

  // As mailfront, Postfix and more: CRs and NULs do not count.
  static bool is_lax_end(std::string_view line) {
    std::string visible;
    for (const char c : line) {
      if (c != '\r' && c != '\0') visible += c;
    }
    return visible == ".\n";
  }

  void command(std::string_view line) {
    if (has(kLooseVerbs)) {
      line.remove_prefix(std::min(line.find_first_not_of(" \t\v\f\r"), line.size()));
    } else if (line.starts_with(' ')) {
      return say("500 what?");
    }
    switch (verb_of(line)) {
      case Verb::ehlo:
        if (!has(kKeepsMail)) forget();
        replies += "250-here\r\n";
        return say(has(kChunking) ? "250 CHUNKING" : "250 PIPELINING");
      case Verb::mail:
        if (has(kBadMail)) return say("550 no");
        forget();
        mail_ = true;
        null_sender_ = address_of(line) == "";
        return say("250 sender");
      case Verb::rcpt:
        if (!mail_) return say("503 MAIL first");
        if (!null_sender_) ++recipients_seen;
        rcpt_ = true;
        return say("250 recipient");
      case Verb::data:
        if (!rcpt_) return say("503 RCPT first");
        ++messages;
        in_message_ = true;
        return say("354 go on");
      case Verb::bdat:
        return bdat(line);
      case Verb::rset:
        forget();
        return say("250 forgotten");
      case Verb::auth:
      case Verb::starttls:
      case Verb::xclient:
        return say("502 no");
      default:
        return say("250 fine");
    }
  }

  void bdat(std::string_view line) {
    if (!has(kChunking)) return say("500 what?");
    const auto chunk = parse_bdat(line);
    if (!chunk) return say("501 how many?");
    if (rcpt_) ++messages;
    chunk_ = chunk->size;
    if (chunk_ == 0) say("250 chunk");
    if (chunk->last) forget();
  }

  void say(std::string_view reply) { replies.append(reply).append("\r\n"); }
  void forget() { mail_ = rcpt_ = false; }

  unsigned habits_;
  std::string line_;
  std::uint64_t chunk_ = 0;
  bool in_message_ = false, mail_ = false, null_sender_ = false, rcpt_ = false;
};

class Run {
 public:
  explicit Run(unsigned habits)
      : habits_(habits),
        server_(habits),
        session_((habits & kAtRcpt) != 0 ? AskAt::rcpt : AskAt::data) {}

  void client(std::string_view bytes) {
    pending_.append(bytes);
    for (std::size_t quiet = 0; quiet < 2;) {
      const std::size_t taken = session_.from_client(pending_);
      pending_.erase(0, taken);
      quiet = answer() || exchange() || taken > 0 ? 0 : quiet + 1;
    }
    REQUIRE(session_.to_client.size() < (1u << 22));
  }

 private:
  bool answer() {
    if (!session_.asking()) return false;
    const bool accept = (habits_ & kAccepting) != 0 && ++asked_ % 2 == 0;
    REQUIRE(!session_.question().recipients.empty());
    accept ? session_.accept() : session_.defer("450 4.7.1 wait");
    accepted_ += accept;
    return true;
  }

  // What is between session and server goes on its way.
  bool exchange() {
    const bool moved = !session_.to_server.empty() || !server_.replies.empty();
    server_.take(session_.to_server);
    session_.to_server.clear();
    // Under BDAT a message may come in many chunks, which one answer allows.
    if (accepted_ == 0) {
      REQUIRE(server_.messages == 0);
      if ((habits_ & kAtRcpt) != 0) REQUIRE(server_.recipients_seen == 0);
    } else if ((habits_ & (kAtRcpt | kChunking)) == 0) {
      REQUIRE(server_.messages <= accepted_);
    }
    const std::string replies = std::move(server_.replies);
    server_.replies.clear();
    if ((habits_ & kOneByOne) != 0) {
      for (const char& c : replies) session_.from_server({&c, 1});
    } else {
      session_.from_server(replies);
    }
    return moved;
  }

  unsigned habits_;
  Server server_;
  SmtpSession session_;
  std::string pending_;
  int asked_ = 0, accepted_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  Run run(data[0]);
  const std::size_t step = data[1] % 64 + 1;
  std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  while (!rest.empty()) {
    const std::size_t part = std::min(step, rest.size());
    run.client(rest.substr(0, part));
    rest.remove_prefix(part);
  }
  return 0;
}
