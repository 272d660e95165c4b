#include "smtpd-glue/wrapper_settings.h"

#include <unistd.h>

#include <cstdlib>

#include "smtpd-glue/reply_octet.h"
#include "smtpd-glue/smtp_syntax.h"
#include "smtpd-glue/stderr_is_the_client.h"

namespace grey::smtp {
namespace {

constexpr const char* kNoNameText = "Your address has no host name, please try again later";

bool is_set(const char* name) {
  return getenv(name) != nullptr;
}

std::string_view variable(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

std::string in_reply(std::string_view text) {
  return "450 4.7.1 " + reply_text(text);
}

std::string own_host() {
  if (const auto name = variable("TCPLOCALHOST"); !name.empty()) return std::string(name);
  const auto ip = variable("TCPLOCALIP");
  if (ip.empty()) return "localhost";
  const bool v6 = ip.find(':') != std::string_view::npos;
  return (v6 ? "[IPv6:" : "[") + std::string(ip) + "]";  // RFC 5321, 4.1.3
}

// The reply for a client that jgreylist's variables refuse.
std::string refusal(const WrapperSettings& settings) {
  const std::string_view text = variable("JGREYLIST");
  const std::string_view no_name = variable("JGREYLIST_NOREV");
  const char* why = nullptr;
  std::string reply;
  if (!text.empty()) {
    why = "JGREYLIST";
    reply = in_reply(text);
  } else if (!no_name.empty() && settings.client_name.empty()) {
    why = "JGREYLIST_NOREV";
    reply = in_reply(no_name == "1" ? kNoNameText : no_name);
  }
  if (why != nullptr) log_line("client=" + settings.client + ": refused by " + why);
  return reply;
}

// Those whom nothing else is to be asked about come first.
bool is_exempt() {
  return is_set("RELAYCLIENT") || is_set("WHITELISTED") ||
         (is_set("JGREYLIST") && variable("JGREYLIST").empty());
}

}  // namespace

WrapperSettings read_wrapper_settings() {
  WrapperSettings settings;
  if (const unsigned bad = greylist_options_from_env(&settings.daemon)) {
    char line[1000];
    log_line({line, greylist_describe_bad_values(&settings.daemon, bad, line, sizeof line)});
  }
  settings.client = variable("TCPREMOTEIP");
  settings.client_name = variable("TCPREMOTEHOST");
  settings.host = own_host();
  settings.text = getenv("GREYTEXT");
  settings.tls_aside = is_set("SSLCTLFD");  // UCSPI-TLS

  settings.exempt = is_exempt();
  if (settings.exempt) return settings;
  settings.refusal = refusal(settings);
  if (!settings.refusal.empty()) return settings;
  settings.exempt = settings.daemon.servers == nullptr || settings.client.empty();
  if (settings.daemon.servers != nullptr && settings.client.empty())
    log_line("TCPREMOTEIP is not set: no greylisting");
  return settings;
}

void log_line(std::string_view text) {
  if (stderr_is_the_client()) return;
  std::string line = "greysmtpd: ";
  for (const char c : text.substr(0, GREYLIST_LINE_MAX)) line += reply_octet(c);
  line += '\n';
  // Nothing can be done about a log that does not take it.
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

}  // namespace grey::smtp
