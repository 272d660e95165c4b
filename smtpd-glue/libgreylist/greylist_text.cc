// What a front says of a decision or of a failure.
//
// As in asker.cc no C++ runtime must be needed, and nothing is allocated: texts are written into
// the caller's buffers.
#include <stdlib.h>
#include <string.h>

#include <string_view>

#include "greyd/wire/wait_text.h"
#include "greyd/wire/wire.h"
#include "smtpd-glue/libgreylist/greylist.h"
#include "smtpd-glue/libgreylist/query_text.h"
#include "smtpd-glue/libgreylist/reply_octet.h"

namespace {

constexpr std::size_t kShownValue = 100;  // octets of a foreign text that are logged
// As in the daemon's lines, greyd/fronts/decision_log.cc.
constexpr std::size_t kShownAddress = 128;
constexpr std::size_t kShownRecipients = 8;

std::string_view text_of(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

// strerror_r's result: GNU's returns the text, POSIX's writes it into the buffer.
[[maybe_unused]] std::string_view error_text(const char* text, const char*) {
  return text;
}
[[maybe_unused]] std::string_view error_text(int, const char* buffer) {
  return buffer;
}

// One line in a buffer of the caller's, cut at its end; always with a NUL.
class Line {
 public:
  Line(char* buffer, std::size_t size) : begin_(buffer), at_(buffer), end_(buffer + size) {
    if (size > 0) *at_ = '\0';
  }
  std::size_t size() const { return std::size_t(at_ - begin_); }

  Line& add(char c) {
    if (end_ - at_ < 2) return *this;  // room for c and the NUL
    *at_++ = grey::reply_octet(c);
    *at_ = '\0';
    return *this;
  }
  Line& add(std::string_view text) {
    for (const char c : text) add(c);
    return *this;
  }
  Line& add_value(std::string_view text) {
    return add({text.data(), text.size() < kShownValue ? text.size() : kShownValue});
  }
  // As greyd/base/text.h writes a word: printable, without white space, and no comma in it.
  Line& add_word(std::string_view text) {
    if (text.empty()) return add("<>");
    const bool cut = text.size() > kShownAddress;
    if (cut) text = {text.data(), kShownAddress};
    for (const char c : text) {
      const auto octet = static_cast<unsigned char>(c);
      const bool plain = octet > ' ' && octet < 0x7f && c != '%' && c != '<' && c != ',';
      if (plain) {
        add(c);
      } else {
        add('%').add("0123456789ABCDEF"[octet >> 4]).add("0123456789ABCDEF"[octet & 15]);
      }
    }
    return cut ? add("...") : *this;
  }
  Line& add(std::size_t number) {
    char digits[20];
    char* first = digits + sizeof digits;
    do {
      *--first = char('0' + number % 10);
      number /= 10;
    } while (number > 0);
    return add({first, std::size_t(digits + sizeof digits - first)});
  }

 private:
  char* begin_;
  char* at_;
  char* end_;
};

std::string_view fail_in_words(greylist_fail fail) {
  return fail == GREYLIST_FAIL_CLOSED ? "deferred (GREYFAIL=closed)" : "accepted (GREYFAIL=open)";
}

// The word of the answer's second octet.
std::string_view reason_of(const greylist_result& result) {
  constexpr auto kLast = unsigned(grey::wire::Reason::blacklisted) + 1;
  if (result.reason == 0 || result.reason > kLast) return "unknown";
  return grey::wire::to_string(grey::wire::Reason(result.reason - 1));
}

// Whether it begins with an enhanced code of RFC 3463, and of a temporary error: the reply of
// another class would contradict its own code.
bool has_enhanced_code(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto part = [&] {
    if (at == end || *at++ != '.') return false;
    const char* const digits = at;
    while (at != end && *at >= '0' && *at <= '9') ++at;
    return at != digits && at - digits <= 3;
  };
  return at != end && *at++ == '4' && part() && part() && (at == end || *at == ' ');
}

// As the daemon writes it, however it was spelled to us.
void add_client(Line& line, std::string_view text) {
  const auto ip = grey::Ip::parse_client(text);
  char canonical[grey::Ip::kMaxText + 1];
  if (ip) {
    line.add(std::string_view(canonical, ip->format(canonical)));
  } else {
    line.add_word(text);
  }
}

void add_recipients(Line& line, const greylist_query& query) {
  std::string_view fields;
  if (query.recipients != nullptr) fields = {query.recipients, query.recipients_size};
  std::size_t count = 0;
  for (; const auto recipient = grey::glue::next_recipient(fields); ++count) {
    if (count >= kShownRecipients) continue;
    if (count > 0) line.add(',');
    line.add_word(*recipient);
  }
  if (count > kShownRecipients) line.add(",+").add(count - kShownRecipients);
}

// What is wrong with the file: it is read once more.
void add_key_fault(Line& line, const char* path) {
  grey::wire::KeyRing ring;
  const auto fault = path == nullptr ? std::nullopt : grey::wire::read_key_file(path, ring);
  if (!fault) return;
  if (fault->line > 0) line.add("line ").add(std::size_t(fault->line)).add(": ");
  char why[kShownValue];
  line.add(fault->error_number == 0
               ? std::string_view(fault->what)
               : error_text(strerror_r(fault->error_number, why, sizeof why), why));
  line.add("; ");
}

}  // namespace

std::size_t greylist_describe_deferral(const greylist_query* query, const greylist_result* result,
                                       char* buffer, std::size_t size) {
  Line line(buffer, size);
  if (result->error != GREYLIST_ANSWERED || result->verdict != GREYLIST_DEFER) return 0;
  line.add("verdict=defer reason=").add(reason_of(*result));
  add_client(line.add(" client="), text_of(query->client));
  const std::string_view name = text_of(query->client_name);
  if (!name.empty()) line.add(" name=").add_word(name);
  line.add(" sender=").add_word(text_of(query->sender)).add(" recipients=");
  add_recipients(line, *query);
  if (result->retry_after > 0) line.add(" wait=").add(std::size_t(result->retry_after));
  return line.size();
}

std::size_t greylist_text(const greylist_result* result, const char* format, char* buffer,
                          std::size_t size) {
  Line line(buffer, size <= GREYLIST_TEXT_MAX ? size : GREYLIST_TEXT_MAX + 1);
  if (result->error != GREYLIST_ANSWERED) return line.add(GREYLIST_TEXT_UNAVAILABLE).size();
  const std::string_view text = format == nullptr || *format == '\0' ? GREYLIST_TEXT : format;
  grey::add_deferral(line, text, result->retry_after);
  return line.size();
}

std::size_t greylist_reply(int code, const char* text, char* buffer, std::size_t size) {
  Line line(buffer, size <= GREYLIST_REPLY_MAX ? size : GREYLIST_REPLY_MAX + 1);
  const std::string_view said = text_of(text);
  line.add(code == 450 ? "450 " : "451 ");
  if (!has_enhanced_code(said)) line.add(code == 450 ? "4.7.1 " : "4.3.0 ");
  return line.add(said).size();
}

std::size_t greylist_describe_failure(const greylist_query* query, const greylist_result* result,
                                      char* buffer, std::size_t size) {
  Line line(buffer, size);
  if (result->error == GREYLIST_ANSWERED || result->error == GREYLIST_OFF) return 0;
  line.add("client=").add_value(text_of(query->client));
  line.add(": ").add(greylist_strerror(result->error));
  if (result->error_number != 0) {
    char why[kShownValue];
    line.add(": ").add(error_text(strerror_r(result->error_number, why, sizeof why), why));
  }
  const bool accepted = result->verdict == GREYLIST_ACCEPT;
  line.add(": ").add(fail_in_words(accepted ? GREYLIST_FAIL_OPEN : GREYLIST_FAIL_CLOSED));
  return line.size();
}

std::size_t greylist_describe_bad_values(const greylist_options* options, unsigned bad,
                                         char* buffer, std::size_t size) {
  Line line(buffer, size);
  const auto begin = [&](greylist_variable variable, const char* name) {
    if ((bad & variable) == 0) return false;
    if (line.size() > 0) line.add("; ");
    line.add("bad value of ").add(name).add(": ").add_value(text_of(getenv(name))).add("; ");
    return true;
  };
  if (begin(GREYLIST_VAR_IP, "GREYIP")) line.add("mail is ").add(fail_in_words(options->fail));
  if (begin(GREYLIST_VAR_FAIL, "GREYFAIL")) line.add("it is open or closed, and open is used");
  if (begin(GREYLIST_VAR_TIMEOUT, "GREYTIMEOUT")) {
    line.add("it is 1 to 60, and ").add(std::size_t(options->timeout_ms / 1000)).add(" is used");
  }
  if (begin(GREYLIST_VAR_MAXDATA, "GREYMAXDATA")) {
    line.add("it is 512 to 65507, and ").add(options->max_data).add(" is used");
  }
  if (begin(GREYLIST_VAR_KEYFILE, "GREYKEYFILE")) {
    add_key_fault(line, getenv("GREYKEYFILE"));
    line.add("mail is ").add(fail_in_words(options->fail));
  }
  return line.size();
}
