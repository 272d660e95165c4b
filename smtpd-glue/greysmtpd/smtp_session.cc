// SmtpSession: what the client sends, and the decision. What the server sends:
// smtp_session_replies.cc.
#include "smtpd-glue/greysmtpd/smtp_session.h"

#include <algorithm>
#include <utility>

namespace grey::smtp {
namespace {

constexpr std::string_view kNotOffered = "502 5.5.1 Command not available";
constexpr std::string_view kBareCr = "500 5.5.2 CR without LF";
constexpr std::string_view kBadAddress =
    "501 5.5.4 Address cannot be read: <user@domain> is wanted";
constexpr std::string_view kBadBdat = "421 4.5.4 Syntax: BDAT size [LAST]";
constexpr std::string_view kLargeChunk = "552 5.3.4 Chunk too large";
constexpr std::string_view kManyRecipients = "452 4.5.3 Too many recipients";
constexpr std::string_view kNoRecipient = "503 5.5.1 No recipient was accepted";
constexpr std::string_view kLongLine = "500 5.5.2 Line too long";
constexpr std::string_view kLostStep =
    "451 4.5.0 Cannot tell where the message ends: lines must end with CRLF";

// Octets up to and including the first LF; all when there is none.
std::size_t line_length(std::string_view bytes) {
  return std::min(bytes.find('\n'), bytes.size() - 1) + 1;
}

}  // namespace

// ---- the client's side

std::size_t SmtpSession::from_client(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const std::string_view rest = bytes.substr(taken);
    switch (state_) {
      case State::command:
        taken += take_line(rest);
        break;
      case State::lost_line:
        taken += take_lost_line(rest);
        break;
      case State::dialogue:
        taken += take_dialogue(rest);
        break;
      case State::message:
        taken += take_message(rest);
        break;
      case State::chunk:
      case State::lost_chunk:
        taken += take_chunk(rest);
        break;
      case State::transparent:
        to_server.append(rest);
        return bytes.size();
      case State::closed:
        return bytes.size();
      case State::asking:
      case State::reply:
      case State::message_end:
      case State::resetting:
      case State::handed_over:
        return taken;  // somebody else's turn
    }
  }
  return taken;
}

std::size_t SmtpSession::append_to_line(std::string_view bytes) {
  const std::size_t size = std::min(line_length(bytes), kMaxAuthLine - line_.size());
  line_.append(bytes.substr(0, size));
  line_is_whole_ = line_.back() == '\n';
  return size;
}

std::size_t SmtpSession::take_line(std::string_view bytes) {
  const std::size_t size = append_to_line(bytes);
  if (line_is_whole_ || line_.size() == kMaxAuthLine) begin_command();
  return size;
}

void SmtpSession::begin_command() {
  command_ = verb_of(line_);
  may_pass_ = false;
  if (command_ != Verb::bdat) {  // whose octets follow: refusing the line alone would not do
    const std::size_t limit = command_ == Verb::auth ? kMaxAuthLine : kMaxLine;
    if (!line_is_whole_ || line_.size() > limit) return lose_line(kLongLine, State::command);
    if (has_inner_cr(line_)) return lose_line(kBareCr, State::command);
  }
  switch (command_) {
    case Verb::mail:
      return begin_mail();
    case Verb::rcpt:
      return begin_rcpt();
    case Verb::data:
      return begin_data();
    case Verb::bdat:
      return begin_bdat();
    case Verb::starttls:
      return begin_starttls();
    case Verb::unfollowed:
      return lose_line(kNotOffered, State::command);
    case Verb::xclient:
      names_ = parse_xclient(line_);
      break;
    case Verb::ehlo:
      new_offers_ = {};
      [[fallthrough]];
    case Verb::helo:
      helo_ = argument_of(line_);
      break;
    default:
      break;
  }
  pass_line();
}

// False when it was answered here.
bool SmtpSession::take_address() {
  auto address = address_of(line_);
  if (address) {
    address_ = std::move(*address);
  } else {
    lose_line(kBadAddress, State::command);
  }
  return address.has_value();
}

void SmtpSession::begin_mail() {
  if (take_address()) pass_line();
}

void SmtpSession::begin_rcpt() {
  if (!take_address()) return;
  if (!asks_at_rcpt()) {
    const bool fits = transaction_.recipients.size() + address_.size() + 2 <= kMaxRecipients;
    return fits ? pass_line() : lose_line(kManyRecipients, State::command);
  }
  std::string recipient = "T" + address_;
  recipient += '\0';
  ask(transaction_.sender, recipient);
}

void SmtpSession::begin_starttls() {
  if (offers_.asked && !offers_.starttls) return lose_line(kNotOffered, State::command);
  ask(kAnySender, kAnyRecipient);
}

void SmtpSession::begin_data() {
  if (!has_recipients()) return lose_line(no_recipients(), State::command);
  may_pass_ = asks_at_rcpt();
  if (may_pass_) return pass_line();
  ask(transaction_.sender, transaction_.recipients);
}

void SmtpSession::begin_bdat() {
  const bool fits = line_is_whole_ && line_.size() <= kMaxLine;
  const auto chunk = fits ? parse_bdat(line_) : std::nullopt;
  if (!chunk) return end_session(kBadBdat);
  chunk_ = *chunk;
  if (!offers_.chunking) return lose_chunk(kNotOffered, State::command);
  line_ = bdat_line(chunk_);
  if (chunk_.size > kMaxChunk) {
    refusal_ = kLargeChunk;
    return lose_chunk(refusal_, State::resetting);
  }
  if (!has_recipients()) return lose_chunk(no_recipients(), State::command);
  may_pass_ = asks_at_rcpt() || transaction_.chunks_pass;
  if (may_pass_) return pass_line();
  ask(transaction_.sender, transaction_.recipients);
}

void SmtpSession::pass_line() {
  to_server += line_;
  line_.clear();
  state_ = command_ == Verb::bdat && chunk_.size > 0 ? State::chunk : State::reply;
}

std::string_view SmtpSession::no_recipients() const {
  return refusal_.empty() ? kNoRecipient : std::string_view(refusal_);
}

// Answers a command that the server does not get.
void SmtpSession::lose_line(std::string_view reply, State next) {
  to_client.append(reply).append("\r\n");
  line_.clear();
  if (line_is_whole_) return go_on(next);
  state_ = State::lost_line;
  next_ = next;
}

void SmtpSession::lose_chunk(std::string_view reply, State next) {
  if (chunk_.size == 0) return lose_line(reply, next);
  line_.clear();
  chunk_reply_ = reply;
  state_ = State::lost_chunk;
  next_ = next;
}

void SmtpSession::go_on(State next) {
  state_ = next;
  if (next == State::resetting) to_server += "RSET\r\n";
  if (next == State::dialogue) {  // which is cancelled (RFC 4954, 4), and the server says so
    to_server += "*\r\n";
    state_ = State::reply;
  }
}

std::size_t SmtpSession::take_lost_line(std::string_view bytes) {
  const std::size_t size = line_length(bytes);
  if (bytes[size - 1] == '\n') go_on(next_);
  return size;
}

std::size_t SmtpSession::take_dialogue(std::string_view bytes) {
  const std::size_t size = append_to_line(bytes);
  if (line_is_whole_) {
    to_server += line_;
    state_ = State::reply;
  } else if (line_.size() == kMaxAuthLine) {
    state_ = State::lost_line;
    next_ = State::dialogue;
  } else {
    return size;
  }
  line_.clear();
  return size;
}

std::size_t SmtpSession::take_message(std::string_view bytes) {
  const DataEndScanner::Result result = scanner_.scan(bytes);
  to_server.append(bytes.substr(0, result.taken));
  if (result.end != DataEnd::none) {
    message_end_ = result.end;
    state_ = State::message_end;
  }
  return result.taken;
}

std::size_t SmtpSession::take_chunk(std::string_view bytes) {
  const auto size = std::size_t(std::min<std::uint64_t>(chunk_.size, bytes.size()));
  chunk_.size -= size;
  if (state_ == State::chunk) {
    to_server.append(bytes.substr(0, size));
    if (chunk_.size == 0) state_ = State::reply;
  } else if (chunk_.size == 0) {
    to_client.append(chunk_reply_).append("\r\n");
    go_on(next_);
  }
  return size;
}

// ---- the decision

void SmtpSession::ask(std::string_view sender, std::string_view recipients) {
  if (client_.logged_in() || client_.address() == "") return accept();
  question_.sender = sender;
  question_.recipients = recipients;
  state_ = State::asking;
}

void SmtpSession::accept() {
  may_pass_ = true;
  if (command_ == Verb::bdat) transaction_.chunks_pass = true;
  pass_line();
}

void SmtpSession::defer(std::string_view reply) {
  if (command_ == Verb::starttls) return end_session(reply);
  refusal_ = reply;
  if (command_ == Verb::rcpt) return lose_line(refusal_, State::command);
  if (command_ == Verb::bdat) return lose_chunk(refusal_, State::resetting);
  lose_line(refusal_, State::resetting);
}

void SmtpSession::end_session(std::string_view reply) {
  to_client.append("421").append(reply.substr(3)).append("\r\n");
  to_server += "QUIT\r\n";  // so that it has nothing to complain about
  ended_ = true;
  state_ = State::closed;
}

void SmtpSession::give_up() {
  to_client.append(kLostStep).append("\r\n");
  state_ = State::closed;
}

}  // namespace grey::smtp
