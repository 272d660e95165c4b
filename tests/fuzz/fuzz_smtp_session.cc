// A hostile client, a server that is as lax as servers are, and greysmtpd's session between them:
// whatever the client sends, and however it is cut, the server gets no message that the daemon has
// not accepted, and each with the envelope that it was asked about.
//
// The server reads for itself (slow_server.h): a mistake in the session's reading must not be made
// twice.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "smtpd-glue/greysmtpd/smtp_session.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/slow_server.h"

using namespace std::string_view_literals;
using grey::smtp::AskAt;
using grey::smtp::SmtpSession;
using grey::test::Envelope;

namespace {

// Bits of the first octet of the input.
enum : unsigned {
  kAtRcpt = 1,     // ask at RCPT
  kAccepting = 2,  // the daemon accepts every second question
  kLaxEnd = 4,
  kChunking = 8,
  kBadMail = 16,
  kKeepsMail = 32,
  kLooseVerbs = 64,
  kOneByOne = 128,  // the session gets the server's octets one at a time
  // And one of the second, whose low six say in how long pieces the client's come.
  kCrIsEnd = 64 << 8,
};

// What an octet from kFirstPiece on stands for in the input, so that a session is soon found;
// others stand for themselves.
constexpr unsigned char kFirstPiece = 0xe0;
constexpr std::string_view kPieces[] = {
    "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
    "MAIL FROM:<e@f>\r\nRCPT TO:<g@h>\r\n",
    "EHLO x\r\n",
    "MAIL FROM:<>\r\n",
    "mail from:<a@b>\r\nrcpt to:<c@d>\r\ndata\r\n",
    "SOML FROM:<i@j>\r\n",
    "MAIL FROM:<\"a\"@b>\r\n",
    "MAIL FROM:<@r:a@b>\r\n",
    "RCPT TO:<k@l>\r\n",
    "DATA\r\n",
    "BDAT 0\r\n",
    "BDAT 6\r\n",
    "BDAT 12 LAST\r\n",
    "bdat 0 last\r\n",
    "RSET\r\n",
    "\r\n.\r\n",
    "\n.\n",
    "\n.\r\n",
    "\r.\r\n",
    "\r\n.\r\r\n",
    "\r\n\0.\r\n"sv,
    "\r\n..\r\n",
    " ",
    "NOOP\r",
    "MAIL FROM:<m@n>\rRCPT TO:<o@p>\rDATA\r\n",
};
static_assert(kFirstPiece + std::size(kPieces) <= 256);

std::string piece_of(unsigned char octet) {
  const std::size_t index = std::size_t(octet) - kFirstPiece;
  if (octet < kFirstPiece || index >= std::size(kPieces)) return {char(octet)};
  return std::string(kPieces[index]);
}

class Run {
 public:
  explicit Run(unsigned habits)
      : habits_(habits),
        server_({(habits & kLaxEnd) != 0, (habits & kChunking) != 0, (habits & kBadMail) != 0,
                 (habits & kKeepsMail) != 0, (habits & kLooseVerbs) != 0,
                 (habits & kCrIsEnd) != 0}),
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
    const bool accept = has(kAccepting) && asked_++ % 2 == 0;
    REQUIRE(!session_.question().recipients.empty());
    if (accept) question_ = session_.question();
    accept ? session_.accept() : session_.defer("450 4.7.1 wait");
    accepted_ += accept;
    return true;
  }

  bool has(unsigned habit) const { return (habits_ & habit) != 0; }

  // What is between session and server goes on its way.
  bool exchange() {
    const bool moved = !session_.to_server.empty() || !server_.replies.empty();
    const std::string to_server = std::move(session_.to_server);
    session_.to_server.clear();
    for (const char c : to_server) {
      const std::size_t before = server_.messages.size();
      server_.take(c);
      if (server_.messages.size() > before) check(server_.messages.back());
    }
    if (has(kAtRcpt)) REQUIRE(server_.recipients_seen <= accepted_);
    const std::string replies = std::move(server_.replies);
    server_.replies.clear();
    if (has(kOneByOne)) {
      for (const char& c : replies) session_.from_server({&c, 1});
    } else {
      session_.from_server(replies);
    }
    return moved;
  }

  // A message that the server begins to take.
  void check(const Envelope& envelope) {
    // Under BDAT it may come in many chunks, which one answer allows.
    REQUIRE(accepted_ > 0);
    if (has(kAtRcpt) && !envelope.sender.empty()) return;  // its recipients were counted
    if (!has(kChunking)) REQUIRE(server_.messages.size() <= accepted_);
    REQUIRE(question_.sender == envelope.sender);
    for (const std::string& recipient : envelope.recipients) {
      const std::string field = "T" + recipient + '\0';
      REQUIRE(('\0' + question_.recipients).find('\0' + field) != std::string::npos);
    }
  }

  const unsigned habits_;
  grey::test::SlowServer server_;
  SmtpSession session_;
  std::string pending_;
  std::size_t asked_ = 0, accepted_ = 0;
  grey::smtp::Question question_;  // the last that was accepted
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  Run run(data[0] | unsigned(data[1]) << 8);
  const std::size_t step = data[1] % 64 < 32 ? data[1] % 64 + 1 : 4096;
  std::string sent;
  for (std::size_t i = 2; i < size; ++i) sent += piece_of(data[i]);
  for (std::string_view rest = sent; !rest.empty();) {
    const std::size_t part = std::min(step, rest.size());
    run.client(rest.substr(0, part));
    rest.remove_prefix(part);
  }
  return 0;
}
