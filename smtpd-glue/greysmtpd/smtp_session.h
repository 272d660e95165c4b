// One SMTP session as seen by somebody between client and server: which octets pass, which do not,
// and when the greylisting daemon is to be asked. No IO and no clock: bytes go in, bytes come out.
//
// The server is shown one command at a time: the next is taken from the client when the server has
// answered the one before (RFC 2920 lets the client send many). So each reply belongs to a known
// command, however the two streams are cut, and the envelope is what the server accepted.
//
// Where the session asks:
// - AskAt::data: before a message's content, at DATA or the first BDAT, about all recipients. Told
//   to defer, it answers by itself and resets the server's transaction, so that a client may go on
//   with MAIL at once, or with RSET. Chunks that follow in the same transaction are dropped and
//   answered alike: a pipelining client may have sent them all.
// - AskAt::rcpt: before each RCPT, about that recipient. A deferred one is not shown to the server.
//   Of a message without sender as above: hosts that verify an address say RCPT and go, and would
//   be deferred each time, as what they say earns nothing.
// - In both cases before STARTTLS, about the client alone, as nothing can be seen afterwards. Told
//   to defer, it ends the session with 421. Where no EHLO has asked what the server offers, it may
//   offer it; where its answer to EHLO had no STARTTLS, this is answered here.
// Where TLS begins in the stream, and after a successful AUTH (which may begin a security layer,
// RFC 4954), the session is transparent: everything passes, nothing is looked at, nobody is asked.
// Where TLS begins beside it (Tls::aside), the client is not even read any more: what it says is
// for somebody else.
//
// XCLIENT that the server accepts begins a new session of the client that it names (see xclient.h).
// Nobody is asked about a client that it says is logged in, or whose address it does not know.
//
// MAIL and RCPT with an address that servers read differently, RCPT of more recipients than can be
// asked about, commands after which a session cannot be followed (Verb::unfollowed), and lines that
// may be several commands for some server (CR within, or too long) are answered here.
//
// The message passes octet by octet, and after its end nothing passes before the server has replied
// (see data_end.h and bdat.h): no content can become a command that was not seen here.
//
// Fail-safes. Whenever the server does what cannot be explained (a reply that nobody asked for, 354
// to something that was not seen to be DATA, a reply in the middle of a message or of a line), the
// two views of the session differ, and greylisting could be circumvented: its reply is passed on,
// and it gets no further input. A server that gives up ("451 timeout") looks the same, and nothing
// is lost then. DATA and BDAT are answered here unless the server accepted a recipient since the
// last message, and BDAT unless the server offers CHUNKING: a server that does not know BDAT would
// read the chunk as commands, and one that has no use for it (Exim) answers before it has read the
// chunk. Of a BDAT line that cannot be read nobody knows where the chunk ends: it ends the session.
//
// The envelope is forgotten only when the server accepts MAIL, RSET or XCLIENT. Some servers
// (mailfront) keep theirs over HELO: asking with an old envelope does no harm, not asking would.
// After a message it does for none.
//
// Memory: one command line of kMaxAuthLine octets at most, one reply line of kMaxReplyPiece, and
// the recipients. Longer reply lines pass in pieces. What the output buffers hold is for the caller
// to bound: it stops offering.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "smtpd-glue/greysmtpd/bdat.h"
#include "smtpd-glue/greysmtpd/data_end.h"
#include "smtpd-glue/greysmtpd/question.h"
#include "smtpd-glue/greysmtpd/reply_reader.h"
#include "smtpd-glue/greysmtpd/smtp_syntax.h"
#include "smtpd-glue/greysmtpd/xclient.h"

namespace grey::smtp {

// Octets of a line from the client that passes, with its end. Longer ones are answered here: where
// a server's buffer ends (Exim's has 16384 octets), it may take the rest for another command.
constexpr std::size_t kMaxLine = 2048;       // RFC 5321 has 512, and extensions some hundreds more
constexpr std::size_t kMaxAuthLine = 12288;  // RFC 4954; for each line of a dialogue, too
constexpr std::size_t kMaxRecipients = 65536;  // octets of recipients that are to be asked about

enum class AskAt : std::uint8_t { data, rcpt };

// Who speaks TLS after STARTTLS: the server, or the program that started us (UCSPI-TLS), which then
// has the client's connection for itself and gives the server other descriptors.
enum class Tls : std::uint8_t { in_stream, aside };

class SmtpSession {
 public:
  explicit SmtpSession(AskAt ask_at = AskAt::data, Tls tls = Tls::in_stream)
      : ask_at_(ask_at), tls_(tls) {
    question_.helo = "";
  }

  // Takes what it can use now, and returns how much that was; the rest is to be offered again after
  // from_server(), accept(), defer() or give_up().
  std::size_t from_client(std::string_view bytes);

  // It has sent something before it got the greeting.
  void client_spoke_early() { question_.spoke_early = true; }

  // Takes everything.
  void from_server(std::string_view bytes);
  void server_closed();  // passes on what is left of an unfinished line

  // The session waits for accept() or defer(), and takes nothing from the client before.
  bool asking() const { return state_ == State::asking; }
  const Question& question() const { return question_; }
  void accept();
  // One line without CRLF: "450 4.7.1 ...". Where the session ends with it, its code becomes 421.
  void defer(std::string_view reply);

  // The server owes a reply, so those before it may wait to go out to the client in one piece.
  bool waiting() const { return state_ == State::reply || state_ == State::resetting; }

  // The server may or may not have taken what it got for the end of the message. Should nothing
  // come of it in a long time while the client has more to send, give_up() ends the session.
  bool in_doubt() const { return state_ == State::message_end && message_end_ == DataEnd::lax; }
  void give_up();

  // The client's connection belongs to somebody else now, and must not be read.
  bool handed_over() const { return state_ == State::handed_over; }

  // The server gets no more input: close it when to_server is written.
  bool closed() const { return state_ == State::closed; }
  void close() { state_ = State::closed; }

  // Output, appended to. The caller removes what it has written.
  std::string to_client;
  std::string to_server;

 private:
  enum class State : std::uint8_t {
    command,      // between commands
    lost_line,    // inside a line that does not pass; next_ follows
    asking,       // the daemon is being asked about command_
    reply,        // the server owes the reply to command_
    dialogue,     // the client's next line answers a 3xx (AUTH)
    message,      // 354 was given
    message_end,  // the content has ended, the reply to it is due
    chunk,        // inside BDAT's octets, which pass
    lost_chunk,   // inside BDAT's octets, which do not; chunk_reply_ and next_ follow
    resetting,    // the server owes the reply to our own RSET
    transparent,  // everything passes
    handed_over,  // nothing comes any more
    closed,       // no more input for the server
  };

  // As the server accepted it.
  struct Transaction {
    bool has_sender = false;
    std::string sender;
    std::string recipients;  // as in Question
    std::size_t count = 0;   // of recipients, with those that were asked about one by one
    bool chunks_pass = false;
    bool complete = false;  // a message was sent
  };

  // What the server offers in its answer to EHLO.
  struct Offers {
    bool asked = false;  // there was an answer
    bool starttls = false;
    bool chunking = false;
  };

  std::size_t take_line(std::string_view bytes);
  std::size_t take_lost_line(std::string_view bytes);
  std::size_t append_to_line(std::string_view bytes);
  std::size_t take_dialogue(std::string_view bytes);
  std::size_t take_message(std::string_view bytes);
  std::size_t take_chunk(std::string_view bytes);
  void begin_command();
  bool take_address();
  void begin_mail();
  void begin_rcpt();
  void begin_starttls();
  void begin_data();
  void begin_bdat();
  void ask(std::string_view sender, std::string_view recipients);
  std::string_view no_recipients() const;
  void pass_line();
  void lose_line(std::string_view reply, State next);
  void lose_chunk(std::string_view reply, State next);
  void go_on(State next);
  void end_session(std::string_view reply);

  void take_reply_piece();
  void on_reply(int code);
  void on_command_reply(int code);
  void on_intermediate_reply(int code);
  void begin_tls();
  void on_rcpt_accepted();
  void on_xclient_accepted();
  void on_helo_accepted();

  // The server accepted some since the last message. Without, it gets neither DATA nor BDAT: should
  // it have an envelope all the same, nobody would be asked about that.
  bool has_recipients() const { return transaction_.count > 0 && !transaction_.complete; }

  // Each recipient was asked about before it got to the server.
  bool asks_at_rcpt() const { return ask_at_ == AskAt::rcpt && !transaction_.sender.empty(); }

  const AskAt ask_at_;
  const Tls tls_;
  State state_ = State::reply;
  State next_ = State::command;

  Verb command_ = Verb::other;  // the greeting counts as the reply to one
  bool may_pass_ = false;       // command_ was asked about, or needs not be
  std::string line_;            // the line being read; whole, or its first kMaxAuthLine octets
  bool line_is_whole_ = false;  // line_ ends with LF
  std::string address_;         // of command_, when it is MAIL or RCPT
  XclientNames names_;          // of command_, when it is XCLIENT
  std::string helo_;            // of command_, when it is HELO or EHLO
  Chunk chunk_;                 // of command_, when it is BDAT; its size is what is still to come
  std::string chunk_reply_;
  DataEndScanner scanner_;
  DataEnd message_end_ = DataEnd::none;

  Transaction transaction_;
  std::string refusal_;  // the last reply that deferred since the client's MAIL or RSET
  Question question_;    // its client is client_
  ProxiedClient client_;
  Offers offers_;
  Offers new_offers_;  // of an answer that is not complete
  ReplyReader replies_;
  bool ended_ = false;  // the client was told that the session ends
};

}  // namespace grey::smtp
