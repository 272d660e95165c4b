// What greysmtpd's environment says; nothing of it changes during a session. See greysmtpd(8).
#pragma once

#include <string>
#include <string_view>

#include "smtpd-glue/greysmtpd/jgreylist.h"
#include "smtpd-glue/libgreylist/front.h"

namespace grey::smtp {

constexpr const char* kProgram = "greysmtpd";  // in the log

struct WrapperSettings {
  glue::Front front{kProgram, nullptr};  // who asks, if it comes to that
  std::string client;                    // TCPREMOTEIP
  std::string client_name;               // TCPREMOTEHOST
  std::string host;                      // our name in a session without a server
  Jgreylist jgreylist;                   // who is refused unasked, and how long such sessions last
  bool tls_aside = false;                // see Tls in smtp_session.h
  bool exempt = false;                   // the server takes this session, and nobody looks into it
  bool tells_sent = false;               // but to tell what it sends: the client is one of ours
};

// Logs what is wrong with the environment, and a refusal.
WrapperSettings read_wrapper_settings();

// One line on standard error, of bounded length and printable ASCII.
void log_line(std::string_view text);

}  // namespace grey::smtp
