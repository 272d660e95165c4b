// What a front says of a decision or of a failure, and greylist_check(), which is a whole front.
//
// As in greylist.cc no C++ runtime must be needed, and nothing is allocated: texts are written into
// the caller's buffers.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <string_view>

#include "greyd/wait_text.h"
#include "smtpd-glue/greylist.h"
#include "smtpd-glue/reply_octet.h"

namespace {

constexpr std::size_t kShownValue = 100;  // octets of a foreign text that are logged
constexpr std::size_t kLogLine = 1000;

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

void log_line(const char* program, const char* text) {
  char buffer[kLogLine];
  Line line(buffer, sizeof buffer - 1);
  line.add(text_of(program)).add(": ").add(text);
  buffer[line.size()] = '\n';
  // Nothing can be done about a log that does not take it.
  if (write(STDERR_FILENO, buffer, line.size() + 1) < 0) return;
}

}  // namespace

std::size_t greylist_text(const greylist_result* result, const char* format, char* buffer,
                          std::size_t size) {
  Line line(buffer, size <= GREYLIST_TEXT_MAX ? size : GREYLIST_TEXT_MAX + 1);
  if (result->error != GREYLIST_ANSWERED) return line.add(GREYLIST_TEXT_UNAVAILABLE).size();
  const std::string_view text = format == nullptr || *format == '\0' ? GREYLIST_TEXT : format;
  grey::add_deferral(line, text, result->retry_after);
  return line.size();
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
  return line.size();
}

int greylist_check(const char* program, const greylist_query* asked, const char* format, char* text,
                   std::size_t size) {
  if (getenv("RELAYCLIENT") != nullptr || getenv("WHITELISTED") != nullptr) return 0;
  greylist_query query = *asked;
  if (query.client_name == nullptr) query.client_name = getenv("TCPREMOTEHOST");
  char line[kLogLine];
  greylist_options options;
  if (const unsigned bad = greylist_options_from_env(&options)) {
    greylist_describe_bad_values(&options, bad, line, sizeof line);
    log_line(program, line);
  }
  const char* own = getenv("GREYTEXT");
  if (own != nullptr && *own != '\0') format = own;
  if (format == nullptr || *format == '\0') format = GREYLIST_TEXT;
  options.ask_wait = strstr(format, "%t") != nullptr;
  const greylist_result result = greylist_ask(&options, &query);
  // Of a bad GREYIP all is said.
  if (result.error != GREYLIST_BAD_SERVERS &&
      greylist_describe_failure(&query, &result, line, sizeof line) > 0) {
    log_line(program, line);
  }
  if (result.verdict == GREYLIST_ACCEPT) return 0;
  greylist_text(&result, format, text, size);
  return result.error == GREYLIST_ANSWERED ? 450 : 451;
}
