// The loop that carries a session's bytes between client, SmtpSession and server, until the server
// closes its output.
//
// Memory is bounded by not reading: a side is read only while the other's buffer has room, and what
// the session does not take yet stays in the client's buffer. The client's descriptors may be
// shared with other processes, so none is set non-blocking.
#pragma once

#include <cstddef>

#include "smtpd-glue/greysmtpd/question.h"
#include "smtpd-glue/greysmtpd/smtp_session.h"

namespace grey::smtp {

struct RelayFds {
  int client_in = 0;
  int client_out = 1;
  int server = -1;  // a socket; shut down for writing when the server shall see the end
};

struct RelayLimits {
  std::size_t buffer = 65536;  // octets that may wait in each direction
  std::size_t cork = 4096;     // octets of replies that may wait for the next reply
  int cork_ms = 1000;     // and how long: a server may take its time, and a client's is limited
  int doubt_ms = 30000;   // how long to wait in SmtpSession::in_doubt()
  int stall_ms = 300000;  // how long a client may take nothing of what waits for it
};

// Returns when the server has closed its output and the client has got all of it or is gone. A
// client that takes nothing for long counts as gone; one that says nothing is the server's concern.
// SIGPIPE must be ignored.
void relay(SmtpSession& session, RelayFds fds, const Decide& decide,
           const RelayLimits& limits = {});

}  // namespace grey::smtp
