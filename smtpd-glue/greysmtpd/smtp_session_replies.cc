// SmtpSession: what the server sends. Each reply belongs to one command, and says what the session
// may believe of it.
#include <utility>

#include "smtpd-glue/greysmtpd/smtp_session.h"

namespace grey::smtp {
namespace {

bool positive(int code) {
  return code >= 200 && code < 300;
}

}  // namespace

void SmtpSession::from_server(std::string_view bytes) {
  const auto looks = [this] {
    return !ended_ && state_ != State::transparent && state_ != State::handed_over;
  };
  while (!bytes.empty() && looks()) {
    bytes.remove_prefix(replies_.take(bytes));
    if (replies_.complete()) take_reply_piece();
  }
  if (!ended_) to_client += bytes;
}

void SmtpSession::take_reply_piece() {
  const ReplyLine line = replies_.line();
  // Our RSET is not the client's business, unless the server will not go on.
  if (state_ != State::resetting || !positive(line.code)) to_client += replies_.piece();
  if (state_ == State::reply && command_ == Verb::ehlo && replies_.begins_line()) {
    if (offers(replies_.piece(), "STARTTLS")) new_offers_.starttls = true;
    if (offers(replies_.piece(), "CHUNKING")) new_offers_.chunking = true;
  }
  if (replies_.ends_line() && line.last) on_reply(line.code);
}

void SmtpSession::server_closed() {
  if (!ended_) to_client += replies_.release();
  state_ = State::closed;
}

void SmtpSession::on_reply(int code) {
  switch (state_) {
    case State::reply:
      return on_command_reply(code);
    case State::message_end:
      transaction_.complete = true;
      state_ = State::command;
      return;
    case State::resetting:
      // What the server did not forget must not be taken for a new message.
      state_ = positive(code) ? State::command : State::closed;
      transaction_ = {};
      return;
    default:
      state_ = State::closed;  // nothing was asked: see the header
  }
}

void SmtpSession::on_command_reply(int code) {
  if (code >= 300 && code < 400) return on_intermediate_reply(code);
  state_ = State::command;
  if (!positive(code)) return;
  switch (command_) {
    case Verb::ehlo:
      offers_ = new_offers_;
      offers_.asked = true;
      return on_helo_accepted();
    case Verb::helo:
      return on_helo_accepted();
    case Verb::mail:
      transaction_ = {};
      transaction_.has_sender = true;
      transaction_.sender = std::move(address_);
      refusal_.clear();
      return;
    case Verb::rcpt:
      return on_rcpt_accepted();
    case Verb::bdat:
      if (chunk_.last) transaction_.complete = true;
      return;
    case Verb::rset:
      transaction_ = {};
      refusal_.clear();
      return;
    case Verb::auth:
      if (code == 235) state_ = State::transparent;  // RFC 4954
      return;
    case Verb::starttls:
      if (code == 220) begin_tls();
      return;
    case Verb::xclient:
      return on_xclient_accepted();
    default:
      return;
  }
}

void SmtpSession::begin_tls() {
  if (!may_pass_) {
    state_ = State::closed;
  } else {
    state_ = tls_ == Tls::in_stream ? State::transparent : State::handed_over;
  }
}

void SmtpSession::on_intermediate_reply(int code) {
  if (command_ == Verb::data && may_pass_) {
    scanner_ = DataEndScanner();
    state_ = State::message;
    return;
  }
  // A message about which nobody was asked: the server saw what this session did not.
  const bool unexplained = command_ == Verb::data || command_ == Verb::bdat || code == 354;
  state_ = unexplained ? State::closed : State::dialogue;
}

void SmtpSession::on_rcpt_accepted() {
  if (ask_at_ == AskAt::rcpt && (asks_at_rcpt() ? !may_pass_ : !transaction_.has_sender)) {
    state_ = State::closed;  // the server saw a sender where this session saw none
    return;
  }
  ++transaction_.count;
  if (asks_at_rcpt()) return;
  transaction_.chunks_pass = false;  // should it come between two, nobody was asked about it
  transaction_.recipients.append("T").append(address_).push_back('\0');
}

// A proxy's own is not its client's.
void SmtpSession::on_helo_accepted() {
  if (!client_.address()) question_.helo = std::move(helo_);
}

void SmtpSession::on_xclient_accepted() {
  transaction_ = {};
  refusal_.clear();
  offers_ = {};
  client_.take(std::move(names_));
  question_.client = client_.address().value_or("");
  if (client_.address()) {
    question_.helo = client_.helo() == "" ? std::nullopt : client_.helo();
    question_.spoke_early = false;
  }
  // The name that tcpserver gave is not that of another address.
  question_.client_name = client_.address() ? client_.name().value_or("") : client_.name();
}

}  // namespace grey::smtp
