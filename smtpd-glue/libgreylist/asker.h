// The client side of the protocol in greyd/wire/wire.h: one question to a list of servers.
//
// The only implementation there is of turns, time-outs, re-sending and the choice of a query's
// form: every front asks through it. It does the network's IO and reads the clock; what is sent and
// what an answer means are others' (query_text.h, query_form.h, answer_parts.h).
//
// Part of libgreylist: a C++ runtime must not be needed. No exceptions, no allocation, no static
// objects with constructors, no virtual functions; of the C++ library only what is inline.
#pragma once

#include "smtpd-glue/libgreylist/additions.h"
#include "smtpd-glue/libgreylist/daemon_text.h"
#include "smtpd-glue/libgreylist/greylist.h"

namespace grey::glue {

// Asks within options.timeout_ms, and tells what was answered. Without an answer the error says
// why, and the verdict says nothing. `options.servers` is set.
greylist_result ask_servers(const greylist_options& options, const greylist_query& query,
                            const Told& told, greylist_session& session, DaemonText text);

}  // namespace grey::glue
