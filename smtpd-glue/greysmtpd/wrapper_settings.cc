#include "smtpd-glue/greysmtpd/wrapper_settings.h"

#include <unistd.h>

#include <cstdlib>

#include "smtpd-glue/greysmtpd/smtp_syntax.h"
#include "smtpd-glue/libgreylist/exemption.h"

namespace grey::smtp {
namespace {

bool is_set(const char* name) {
  return getenv(name) != nullptr;
}

std::string_view variable(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

std::string own_host() {
  if (const auto name = variable("TCPLOCALHOST"); !name.empty()) return std::string(name);
  const auto ip = variable("TCPLOCALIP");
  if (ip.empty()) return "localhost";
  const bool v6 = ip.find(':') != std::string_view::npos;
  return (v6 ? "[IPv6:" : "[") + std::string(ip) + "]";  // RFC 5321, 4.1.3
}

// What there is to say of jgreylist's variables where they count.
void log_jgreylist(const WrapperSettings& settings) {
  const Jgreylist& jgreylist = settings.jgreylist;
  if (!jgreylist.bad.empty()) log_line("bad value of " + jgreylist.bad + "; the default is used");
  if (!jgreylist.log) return;
  if (!jgreylist.ignored.empty()) {
    log_line("ignored: " + jgreylist.ignored + "; greysmtpd(8) says what to use instead");
  }
  if (!jgreylist.refusal.empty()) {
    log_line("client=" + settings.client + ": refused by " + jgreylist.refused_by);
  }
}

// Those whom nothing else is to be asked about come first.
bool is_exempt(const WrapperSettings& settings) {
  return greylist_is_exempt(nullptr) != 0 || settings.jgreylist.exempt;
}

}  // namespace

WrapperSettings read_wrapper_settings() {
  WrapperSettings settings;
  settings.client = variable("TCPREMOTEIP");
  settings.client_name = variable("TCPREMOTEHOST");
  settings.host = own_host();
  settings.tls_aside = is_set("SSLCTLFD");  // UCSPI-TLS

  settings.jgreylist = read_jgreylist(environ, settings.client, settings.client_name);
  settings.exempt = is_exempt(settings);
  settings.tells_sent =
      is_set(glue::kRelayClient) && !settings.front.is_off() && glue::tells_replies();
  if (settings.exempt) return settings;
  log_jgreylist(settings);
  if (!settings.jgreylist.refusal.empty()) return settings;
  settings.exempt = settings.front.is_off() || settings.client.empty();
  if (!settings.front.is_off() && settings.client.empty())
    log_line("TCPREMOTEIP is not set: no greylisting");
  return settings;
}

void log_line(std::string_view text) {
  glue::log_line(kProgram, text);
}

}  // namespace grey::smtp
