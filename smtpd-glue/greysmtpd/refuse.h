// The loop that carries a RefusalSession's bytes from and to the client.
#pragma once

#include "smtpd-glue/greysmtpd/refusal_session.h"

namespace grey::smtp {

// Returns when the session or the client has ended it, and at the latest after `limit_ms` and a
// little more for its last words. SIGPIPE must be ignored.
void refuse(RefusalSession& session, int client_in, int client_out, int limit_ms);

}  // namespace grey::smtp
