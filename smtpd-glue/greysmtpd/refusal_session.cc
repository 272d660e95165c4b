#include "smtpd-glue/greysmtpd/refusal_session.h"

#include <algorithm>

#include "smtpd-glue/greysmtpd/bdat.h"
#include "smtpd-glue/greysmtpd/smtp_syntax.h"

namespace grey::smtp {
namespace {

constexpr std::size_t kKeptOfLine = 100;

}  // namespace

RefusalSession::RefusalSession(std::string_view host, std::string_view reply,
                               std::size_t max_recipients)
    : host_(reply_text(host)), reply_(reply), max_recipients_(max_recipients) {
  say("220 " + host_ + " ESMTP");
}

void RefusalSession::say(std::string_view line) {
  to_client.append(line).append("\r\n");
}

void RefusalSession::from_client(std::string_view bytes) {
  while (!bytes.empty() && !closed_) {
    if (chunk_left_ > 0) {
      const auto dropped = std::min<std::uint64_t>(chunk_left_, bytes.size());
      bytes.remove_prefix(std::size_t(dropped));
      chunk_left_ -= dropped;
      if (chunk_left_ == 0) say(reply_);
      continue;
    }
    const std::size_t lf = bytes.find('\n');
    const std::size_t size = lf == std::string_view::npos ? bytes.size() : lf + 1;
    line_.append(bytes.substr(0, std::min(size, kKeptOfLine - line_.size())));
    bytes.remove_prefix(size);
    if (lf == std::string_view::npos) return;
    take_line();
    line_.clear();
  }
}

void RefusalSession::take_line() {
  if (++commands_ > kMaxCommands) {
    say("421 4.7.0 Too many commands");
    closed_ = true;
    return;
  }
  switch (verb_of(line_)) {
    case Verb::ehlo:
      return answer_ehlo();
    case Verb::helo:
      return say("250 " + host_);
    case Verb::mail:
    case Verb::rset:
    case Verb::noop:
      return say("250 2.0.0 Ok");
    case Verb::rcpt:
      return answer_recipient();
    case Verb::data:
      return say(reply_);
    case Verb::bdat:
      return announce_chunk();
    case Verb::quit:
      say("221 2.0.0 " + host_);
      closed_ = true;
      return;
    case Verb::auth:
    case Verb::starttls:
      return say("454 4.7.0 Not available now");
    default:
      return say("502 5.5.1 Command not available");
  }
}

void RefusalSession::answer_ehlo() {
  say("250-" + host_);
  for (const auto keyword : {"PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "CHUNKING"}) {
    say("250-" + std::string(keyword));
  }
  say("250 BINARYMIME");
}

void RefusalSession::answer_recipient() {
  if (++recipients_ != max_recipients_) return say(reply_);
  say("421 4.7.0 Too many recipients");
  closed_ = true;
}

void RefusalSession::announce_chunk() {
  const auto chunk = parse_bdat(line_);
  if (!chunk) {  // who knows where the chunk ends
    say("421 4.5.4 Syntax: BDAT size [LAST]");
    closed_ = true;
    return;
  }
  chunk_left_ = chunk->size;
  if (chunk_left_ == 0) say(reply_);
}

void RefusalSession::time_is_up() {
  if (closed_) return;
  say("421 4.4.2 Too slow");
  closed_ = true;
}

}  // namespace grey::smtp
