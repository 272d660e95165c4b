// An SMTP server for fuzz_smtp_session, as lax as servers are, and nothing of it taken from what it
// tests: its own reading of commands, addresses, chunks and of a message's end. It is written to be
// seen to be right: each reading looks at all that it has, and costs what it may.
#pragma once

#include <cctype>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace grey::test {

struct Habits {
  bool lax_end = false;      // CRs and NULs do not count at a message's end (mailfront, Postfix)
  bool chunking = false;     // it offers BDAT, and knows it
  bool bad_mail = false;     // it refuses MAIL
  bool keeps_mail = false;   // it keeps the envelope over EHLO (mailfront)
  bool loose_verbs = false;  // it takes white space before a command, and MAIL's kin
  bool cr_is_end = false;    // a CR ends a command, with or without an LF behind it
};

struct Envelope {
  std::string sender;
  std::vector<std::string> recipients;
};

class SlowServer {
 public:
  explicit SlowServer(const Habits& habits) : habits_(habits) {}

  std::string replies = "220 ready\r\n";
  std::size_t recipients_seen = 0;  // of messages that have a sender
  std::vector<Envelope> messages;   // begun

  void take(char c) {
    // What has ended a command already is no part of what it begins.
    if (std::exchange(after_cr_, false) && c == '\n') return;
    seen_ += c;
    if (chunk_ > 0) {
      take_chunk();
    } else if (in_message_) {
      take_message();
    } else if (c == '\n' || (habits_.cr_is_end && c == '\r') || seen_.size() > 4096) {
      const std::string line = std::exchange(seen_, {});
      after_cr_ = habits_.cr_is_end && c == '\r';
      command(line);
    }
  }

 private:
  void take_chunk() {
    seen_.clear();
    if (--chunk_ == 0) say("250 chunk");
  }

  void take_message() {
    if (seen_.back() != '\n' || !is_end(seen_)) return;
    seen_.clear();
    in_message_ = false;
    forget();
    say("250 taken");
  }

  // The content ends with a dot alone on a line, behind a line or at the beginning.
  bool is_end(const std::string& content) const {
    if (!habits_.lax_end) return ("\r\n" + content).ends_with("\r\n.\r\n");
    std::string visible = "\n";
    for (const char c : content) {
      if (c != '\r' && c != '\0') visible += c;
    }
    return visible.ends_with("\n.\n");
  }

  void command(std::string line) {
    if (habits_.loose_verbs) {
      while (!line.empty() && std::isspace(static_cast<unsigned char>(line[0]))) line.erase(0, 1);
    }
    std::string verb;
    for (const char c : line) {
      if (!std::isalpha(static_cast<unsigned char>(c))) break;
      verb += char(std::toupper(static_cast<unsigned char>(c)));
    }
    const bool kin = habits_.loose_verbs && (verb == "SEND" || verb == "SOML" || verb == "SAML");
    if (verb == "EHLO") return ehlo();
    if (verb == "MAIL" || kin) return mail(line);
    if (verb == "RCPT") return rcpt(line);
    if (verb == "DATA") return data();
    if (verb == "BDAT") return bdat(line);
    if (verb == "RSET") {
      forget();
      return say("250 forgotten");
    }
    if (verb == "AUTH" || verb == "STARTTLS" || verb == "XCLIENT") return say("502 no");
    say(verb.empty() ? "500 what?" : "250 fine");
  }

  void ehlo() {
    if (!habits_.keeps_mail) forget();
    replies += "250-here\r\n";
    say(habits_.chunking ? "250 CHUNKING" : "250 PIPELINING");
  }

  void mail(const std::string& line) {
    if (habits_.bad_mail) return say("550 no");
    forget();
    envelope_ = Envelope{address_in(line), {}};
    say("250 sender");
  }

  void rcpt(const std::string& line) {
    if (!envelope_) return say("503 MAIL first");
    if (!envelope_->sender.empty()) ++recipients_seen;
    envelope_->recipients.push_back(address_in(line));
    say("250 recipient");
  }

  bool has_recipient() const { return envelope_ && !envelope_->recipients.empty(); }

  void data() {
    if (!has_recipient()) return say("503 RCPT first");
    messages.push_back(*envelope_);
    in_message_ = true;
    say("354 go on");
  }

  void bdat(const std::string& line) {
    if (!habits_.chunking) return say("500 what?");
    std::istringstream words(line);
    std::string verb, size, last;
    words >> verb >> size >> last;
    if (size.empty() || size.size() > 18 || size.find_first_not_of("0123456789") != size.npos)
      return say("501 how many?");
    if (has_recipient()) messages.push_back(*envelope_);
    chunk_ = std::stoull(size);
    if (chunk_ == 0) say("250 chunk");
    if (!last.empty()) forget();
  }

  // Between the brackets, or without any the word behind the colon; without a route, quotes and
  // backslashes.
  static std::string address_in(const std::string& line) {
    const std::size_t bracket = line.find('<'), colon = line.find(':');
    const bool bracketed = bracket != line.npos;
    std::string rest;
    if (bracketed) {
      rest = line.substr(bracket + 1);
    } else if (colon != line.npos) {
      rest = line.substr(colon + 1);
      while (rest.starts_with(' ')) rest.erase(0, 1);
    }
    if (rest.starts_with('@') && rest.find(':') != rest.npos)
      rest = rest.substr(rest.find(':') + 1);
    std::string address;
    bool quoted = false;
    for (std::size_t i = 0; i < rest.size(); ++i) {
      const char c = rest[i];
      if (c == '\r' || c == '\n') break;
      if (!quoted && c == (bracketed ? '>' : ' ')) break;
      if (c == '"') {
        quoted = !quoted;
      } else if (c == '\\' && i + 1 < rest.size() && rest[i + 1] != '\r' && rest[i + 1] != '\n') {
        address += rest[++i];
      } else {
        address += c;
      }
    }
    return address;
  }

  void say(std::string_view reply) { replies.append(reply).append("\r\n"); }
  void forget() { envelope_.reset(); }

  const Habits habits_;
  std::string seen_;       // of the command, or of the message
  bool after_cr_ = false;  // the last octet has ended a command
  std::uint64_t chunk_ = 0;
  bool in_message_ = false;
  std::optional<Envelope> envelope_;
};

}  // namespace grey::test
