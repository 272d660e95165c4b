// The loop that carries a RefusalSession's bytes from and to the client.
#pragma once

#include "smtpd-glue/refusal_session.h"

namespace grey::smtp {

constexpr int kRefusalMs = 60000;  // how long a refused client is listened to, in all

// Returns when the session or the client has ended it, and at the latest after `limit_ms` and a
// little more for its last words. SIGPIPE must be ignored.
void refuse(RefusalSession& session, int client_in, int client_out, int limit_ms = kRefusalMs);

}  // namespace grey::smtp
