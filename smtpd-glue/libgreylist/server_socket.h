// A way to a daemon, and what is signed for it.
//
// Part of libgreylist: no C++ runtime, no allocation.
#pragma once

#include "greyd/wire/endpoint.h"
#include "greyd/wire/keys.h"
#include "smtpd-glue/libgreylist/additions.h"
#include "smtpd-glue/libgreylist/greylist.h"

namespace grey::glue {

// A connected UDP socket that never blocks and is none of the standard descriptors, which the
// caller closes; -1: see errno.
int connect_to(const Endpoint& server);

// REQUIRES: GREYLIST_KEY_SET.
wire::Key key_of(const greylist_key& of);
// At this time, and with a nonce of its own.
Signing new_signing(const wire::Key& key);

}  // namespace grey::glue
