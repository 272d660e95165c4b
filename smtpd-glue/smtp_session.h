// One SMTP session as seen by somebody between client and server: which octets pass, which do not,
// and when the greylisting daemon is to be asked. No IO and no clock: bytes go in, bytes come out.
//
// The server is shown one command at a time: the next is taken from the client when the server has
// answered the one before (RFC 2920 lets the client send many). So each reply belongs to a known
// command, however the two streams are cut, and the envelope is what the server accepted. At DATA
// the session asks. Told to defer, it answers DATA itself and resets the server's transaction, so
// that a client may go on with MAIL at once, or with RSET.
//
// The message passes octet by octet, and after its end nothing passes before the server has replied
// (see data_end.h): no content can become a command that was not seen here.
//
// Fail-safes. Whenever the server does what cannot be explained (a reply that nobody asked for, 354
// to something that was not seen to be DATA, a reply in the middle of a message or of a line), the
// two views of the session differ, and greylisting could be circumvented: its reply is passed on,
// and it gets no further input. A server that gives up ("451 timeout") looks the same, and nothing
// is lost then.
//
// The envelope is forgotten only when the server accepts MAIL or RSET. Some servers (mailfront)
// keep theirs over HELO or after a message: asking with an old envelope does no harm, not asking
// would.
//
// Not taken to the server: STARTTLS and BDAT, which would hide the envelope or the message's end.
// They are answered with 502, and their keywords are removed from EHLO's answer.
//
// Memory: one command line and one reply line, of kMaxLine octets at most, and the recipients.
// Longer lines pass in pieces. What the output buffers hold is for the caller to bound: it stops
// offering.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "smtpd-glue/data_end.h"
#include "smtpd-glue/smtp_syntax.h"

namespace grey::smtp {

constexpr std::size_t kMaxLine = 65536;

struct Envelope {
  std::string sender;
  std::string recipients;          // 'T' address NUL for each, as greylist_query wants them
  std::size_t accepted_count = 0;  // recipients the server accepted, also those not kept above
};
constexpr std::size_t kMaxRecipients = 65536;  // octets of Envelope::recipients: a datagram's worth

class SmtpSession {
 public:
  // Takes what it can use now, and returns how much that was; the rest is to be offered again after
  // from_server(), accept(), defer() or give_up().
  std::size_t from_client(std::string_view bytes);

  // Takes everything.
  void from_server(std::string_view bytes);
  void server_closed();  // passes on what is left of an unfinished line

  // The session waits for accept() or defer(), and takes nothing from the client before.
  bool asking() const { return state_ == State::asking; }
  const Envelope& envelope() const { return envelope_; }
  void accept();
  void defer(std::string_view reply);  // one line without CRLF: "450 4.7.1 ..."

  // The server owes a reply, so those before it may wait to go out to the client in one piece.
  bool waiting() const { return state_ == State::reply || state_ == State::resetting; }

  // The server may or may not have taken what it got for the end of the message. Should nothing
  // come of it in a long time while the client has more to send, give_up() ends the session.
  bool in_doubt() const { return state_ == State::message_end && message_end_ == DataEnd::lax; }
  void give_up();

  // The server gets no more input: close it when to_server is written.
  bool closed() const { return state_ == State::closed; }
  void close() { state_ = State::closed; }

  // Output, appended to. The caller removes what it has written.
  std::string to_client;
  std::string to_server;

 private:
  enum class State : std::uint8_t {
    command,      // between commands
    long_line,    // inside a command line of more than kMaxLine octets
    asking,       // DATA was read, the daemon is being asked
    reply,        // the server owes the reply to command_
    dialogue,     // the client's next line answers a 3xx (AUTH)
    message,      // 354 was given
    message_end,  // the content has ended, the reply to it is due
    resetting,    // the server owes the reply to our own RSET
    closed,       // no more input for the server
  };
  enum class Command : std::uint8_t { greeting, ehlo, mail, rcpt, data, rset, auth, other };

  std::size_t take_line(std::string_view bytes);
  std::size_t take_long_line(std::string_view bytes);
  std::size_t take_dialogue(std::string_view bytes);
  std::size_t take_message(std::string_view bytes);
  void begin_command();
  void pass_line();
  void reset_server();

  std::size_t take_reply_line(std::string_view bytes);
  void pass_reply_line(ReplyLine parsed);
  void on_reply(int code);
  void on_command_reply(int code);
  void add_recipient();

  State state_ = State::reply;
  Command command_ = Command::greeting;
  std::string line_;            // the command line being read; whole, or its first kMaxLine octets
  bool line_is_whole_ = false;  // line_ ends with LF
  bool line_passes_ = true;     // State::long_line: to the server, or dropped
  std::string address_;         // of the MAIL or RCPT that waits for its reply
  Envelope envelope_;
  bool authenticated_ = false;
  bool asked_ = false;  // about the DATA in line_, and the answer was to accept
  DataEndScanner scanner_;
  DataEnd message_end_ = DataEnd::none;

  std::string reply_line_;          // unfinished
  bool reply_line_passed_ = false;  // a piece of an over-long line went out already: pass the rest
  ReplyLine long_reply_;            // of that line
  std::string held_line_;  // EHLO's answer: known to be followed by a line or to be the last
};

}  // namespace grey::smtp
