#include "smtpd-glue/libgreylist/front.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smtpd-glue/libgreylist/exemption.h"
#include "smtpd-glue/libgreylist/reply_octet.h"
#include "smtpd-glue/libgreylist/stderr_is_the_client.h"

namespace grey::glue {
namespace {

// A text of the environment, or `other` where that is unset or empty, or what is built in.
const char* format_of(const char* other) {
  const char* const own = getenv("GREYTEXT");
  if (own != nullptr && *own != '\0') return own;
  return other != nullptr && *other != '\0' ? other : GREYLIST_TEXT;
}

}  // namespace

bool tells_replies() {
  const char* const value = getenv("GREYREPLIES");
  return value != nullptr && strcmp(value, "1") == 0;
}

void log_line(std::string_view program, std::string_view text) {
  if (stderr_is_the_client()) return;
  char line[GREYLIST_LINE_MAX + 100];
  char* const end = line + sizeof line - 1;
  char* at = line;
  const auto add = [&](std::string_view part, std::size_t most) {
    for (std::size_t i = 0; i < part.size() && i < most && at < end; ++i)
      *at++ = reply_octet(part.data()[i]);
  };
  add(program, sizeof line);
  add(": ", sizeof line);
  add(text, GREYLIST_LINE_MAX);
  *at++ = '\n';
  // Nothing can be done about a log that does not take it.
  if (write(STDERR_FILENO, line, std::size_t(at - line)) < 0) return;
}

Front::Front(const char* program, const char* format)
    : program_(program == nullptr ? "" : program), format_(format_of(format)) {
  if (const unsigned bad = greylist_options_from_env(&options_)) {
    char line[GREYLIST_LINE_MAX];
    log_line(program_, {line, greylist_describe_bad_values(&options_, bad, line, sizeof line)});
  }
  options_.ask_wait = strstr(format_, "%t") != nullptr;
}

int Front::tell_sent(const char* sender, std::string_view recipients) {
  if (is_off() || sender == nullptr || *sender == '\0') return 0;
  if (greylist_sent(&options_, sender, recipients.data(), recipients.size()) == 0) return 0;
  // All was said of a bad value at the beginning.
  if (!reported_ && options_.key.state != GREYLIST_KEY_BAD) {
    log_line(program_, "no greylisting daemon can be told of what was sent");
  }
  reported_ = true;
  return -1;
}

// `own_text`: of the daemon's rule, or empty.
greylist_result Front::ask(const greylist_query& query, const greylist_client* client,
                           char (&own_text)[GREYLIST_TEXT_MAX + 1]) {
  own_text[0] = '\0';
  if (!silence_ends_.passed()) return silence_;
  const greylist_result result =
      greylist_ask_about_client(&options_, &query, client, &session_, own_text, sizeof own_text);
  if (result.error == GREYLIST_SILENT || result.error == GREYLIST_UNREACHABLE ||
      result.error == GREYLIST_UNSIGNED) {
    silence_ = result;
    silence_ends_ = Deadline::after(kSilenceMs);
  }
  return result;
}

void Front::log_failure(const greylist_query& query, const greylist_result& result) {
  // All was said of these at the beginning.
  if (result.error == GREYLIST_BAD_SERVERS || result.error == GREYLIST_BAD_KEY) return;
  char line[GREYLIST_LINE_MAX];
  const std::size_t size = greylist_describe_failure(&query, &result, line, sizeof line);
  if (size == 0 || reported_) return;
  reported_ = true;
  log_line(program_, {line, size});
}

int Front::check(const greylist_query& query, char* text, std::size_t size,
                 const greylist_client* client) {
  char own_text[GREYLIST_TEXT_MAX + 1];
  const greylist_result result = ask(query, client, own_text);
  log_failure(query, result);
  if (result.verdict == GREYLIST_ACCEPT) return 0;
  char line[GREYLIST_LINE_MAX];
  const std::size_t length = greylist_describe_deferral(&query, &result, line, sizeof line);
  if (length > 0) log_line(program_, {line, length});
  greylist_text(&result, own_text[0] != '\0' ? own_text : format_, text, size);
  return result.error == GREYLIST_ANSWERED ? 450 : 451;
}

}  // namespace grey::glue

int greylist_is_exempt(const char* (*variable)(const char* name)) {
  for (const char* const name : grey::glue::kExempting) {
    if ((variable != nullptr ? variable(name) : getenv(name)) != nullptr) return 1;
  }
  return 0;
}

int greylist_check(const char* program, const greylist_query* asked, const char* format, char* text,
                   std::size_t size) {
  return greylist_check_client(program, asked, nullptr, format, text, size);
}

int greylist_check_client(const char* program, const greylist_query* asked,
                          const greylist_client* client, const char* format, char* text,
                          std::size_t size) {
  if (greylist_is_exempt(nullptr)) return 0;
  greylist_query query = *asked;
  if (query.client_name == nullptr) query.client_name = getenv("TCPREMOTEHOST");
  return grey::glue::Front(program, format).check(query, text, size, client);
}
