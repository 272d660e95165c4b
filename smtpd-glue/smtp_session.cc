#include "smtpd-glue/smtp_session.h"

#include <algorithm>
#include <utility>

namespace grey::smtp {
namespace {

constexpr std::string_view kNotOffered = "502 5.5.1 Command not available\r\n";
constexpr std::string_view kLostStep =
    "451 4.5.0 Cannot tell where the message ends: lines must end with CRLF\r\n";

// Octets up to and including the first LF; all when there is none.
std::size_t line_length(std::string_view bytes) {
  return std::min(bytes.find('\n'), bytes.size() - 1) + 1;
}

bool positive(int code) {
  return code >= 200 && code < 300;
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
      case State::long_line:
        taken += take_long_line(rest);
        break;
      case State::dialogue:
        taken += take_dialogue(rest);
        break;
      case State::message:
        taken += take_message(rest);
        break;
      case State::closed:
        return bytes.size();
      default:
        return taken;  // the server's or the daemon's turn
    }
  }
  return taken;
}

std::size_t SmtpSession::take_line(std::string_view bytes) {
  const std::size_t size = std::min(line_length(bytes), kMaxLine - line_.size());
  line_.append(bytes.substr(0, size));
  line_is_whole_ = line_.back() == '\n';
  if (line_is_whole_ || line_.size() == kMaxLine) begin_command();
  return size;
}

void SmtpSession::begin_command() {
  line_passes_ = true;
  asked_ = false;
  command_ = Command::other;
  switch (verb_of(line_)) {
    case Verb::mail:
      command_ = Command::mail;
      address_ = address_of(line_);
      break;
    case Verb::rcpt:
      command_ = Command::rcpt;
      address_ = address_of(line_);
      break;
    case Verb::data:
      command_ = Command::data;
      if (!authenticated_ && envelope_.accepted_count > 0) {
        state_ = State::asking;
        return;
      }
      break;
    case Verb::ehlo:
      command_ = Command::ehlo;
      break;
    case Verb::rset:
      command_ = Command::rset;
      break;
    case Verb::auth:
      command_ = Command::auth;
      break;
    case Verb::starttls:
    case Verb::bdat:
      to_client += kNotOffered;
      line_passes_ = false;
      break;
    case Verb::other:
      break;
  }
  pass_line();
}

// Sends line_ to the server or drops it, as line_passes_ says, and goes on with what is due then.
void SmtpSession::pass_line() {
  if (line_passes_) to_server += line_;
  line_.clear();
  if (!line_is_whole_) {
    state_ = State::long_line;
  } else {
    state_ = line_passes_ ? State::reply : State::command;
  }
}

std::size_t SmtpSession::take_long_line(std::string_view bytes) {
  const std::size_t size = line_length(bytes);
  if (line_passes_) to_server.append(bytes.substr(0, size));
  if (bytes[size - 1] != '\n') return size;
  state_ = line_passes_ ? State::reply : State::command;
  if (!line_passes_ && command_ == Command::data) reset_server();  // it was deferred
  return size;
}

std::size_t SmtpSession::take_dialogue(std::string_view bytes) {
  const std::size_t size = line_length(bytes);
  to_server.append(bytes.substr(0, size));
  if (bytes[size - 1] == '\n') state_ = State::reply;
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

// ---- the decision

void SmtpSession::accept() {
  asked_ = true;
  pass_line();
}

void SmtpSession::defer(std::string_view reply) {
  to_client.append(reply).append("\r\n");
  line_passes_ = false;
  if (!line_is_whole_) return pass_line();  // the rest of an over-long DATA line is dropped first
  line_.clear();
  reset_server();
}

void SmtpSession::reset_server() {
  to_server += "RSET\r\n";
  command_ = Command::rset;
  state_ = State::resetting;
}

void SmtpSession::give_up() {
  to_client += kLostStep;
  state_ = State::closed;
}

// ---- the server's side

void SmtpSession::from_server(std::string_view bytes) {
  while (!bytes.empty()) bytes.remove_prefix(take_reply_line(bytes));
}

std::size_t SmtpSession::take_reply_line(std::string_view bytes) {
  const std::size_t size = std::min(line_length(bytes), kMaxLine - reply_line_.size());
  reply_line_.append(bytes.substr(0, size));
  const bool whole = reply_line_.back() == '\n';
  if (!whole && reply_line_.size() < kMaxLine) return size;

  if (!reply_line_passed_) long_reply_ = parse_reply_line(reply_line_);
  const ReplyLine parsed = long_reply_;
  pass_reply_line(parsed);
  reply_line_.clear();
  reply_line_passed_ = !whole;
  if (whole && parsed.last) on_reply(parsed.code);
  return size;
}

// EHLO's answer goes out one line late, since the last line is marked as such and may be one that
// is removed.
void SmtpSession::pass_reply_line(ReplyLine parsed) {
  // Our RSET is not the client's business, unless the server will not go on.
  if (state_ == State::resetting && positive(parsed.code)) return;
  const bool ehlo = state_ == State::reply && command_ == Command::ehlo && parsed.code == 250 &&
                    !reply_line_passed_ && (reply_line_[3] == '-' || reply_line_[3] == ' ');
  if (!ehlo) {
    to_client += held_line_;
    held_line_.clear();
    to_client += reply_line_;
    return;
  }
  const bool first = held_line_.empty();
  if (first || !hides_extension(reply_line_)) {
    to_client += held_line_;
    held_line_ = reply_line_;
  }
  if (!parsed.last) return;
  held_line_[3] = ' ';
  to_client += held_line_;
  held_line_.clear();
}

void SmtpSession::server_closed() {
  to_client.append(held_line_).append(reply_line_);
  held_line_.clear();
  reply_line_.clear();
  state_ = State::closed;
}

void SmtpSession::on_reply(int code) {
  switch (state_) {
    case State::reply:
      return on_command_reply(code);
    case State::message_end:
      state_ = State::command;
      return;
    case State::resetting:
      // What the server did not forget must not be taken for a new message.
      state_ = positive(code) ? State::command : State::closed;
      envelope_ = {};
      return;
    default:
      state_ = State::closed;  // nothing was asked: see the header
  }
}

void SmtpSession::on_command_reply(int code) {
  const bool intermediate = code >= 300 && code < 400;
  // A message about which nobody was asked: the server saw recipients where this session saw none.
  const bool unasked = command_ == Command::data && !asked_ && !authenticated_;
  if (intermediate && command_ == Command::data && !unasked) {
    scanner_ = DataEndScanner();
    state_ = State::message;
    return;
  }
  if (intermediate) {
    state_ = code == 354 ? State::closed : State::dialogue;
    return;
  }
  state_ = State::command;
  if (!positive(code)) return;
  switch (command_) {
    case Command::mail:
      envelope_ = {};
      envelope_.sender = std::move(address_);
      return;
    case Command::rcpt:
      return add_recipient();
    case Command::rset:
      envelope_ = {};
      return;
    case Command::auth:
      authenticated_ = code == 235;  // RFC 4954
      return;
    default:
      return;
  }
}

void SmtpSession::add_recipient() {
  ++envelope_.accepted_count;
  if (envelope_.recipients.size() + address_.size() + 2 > kMaxRecipients) return;
  envelope_.recipients.append("T").append(address_).push_back('\0');
}

}  // namespace grey::smtp
