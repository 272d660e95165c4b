// What is the same about a question that is asked again, and about queries of one message.
#pragma once

#include <cstdint>
#include <string_view>

#include "greyd/base/hash_key.h"
#include "greyd/wire/endpoint.h"

namespace grey {

// The same for the same `text` of the same `peer`, never 0. `key` is secret, so that nobody can
// make two questions alike.
//
// By UDP: the datagram up to its last recipient, from its source. An asker that got no answer sends
// the same again from the same port, with or without our additions behind; no other question does.
// By a policy request: its `instance`, of the client (port 0), which names the message. Postfix
// asks about each of its recipients, and on any connection.
std::uint64_t question_id(const HashKey& key, const Endpoint& peer, std::string_view text);

}  // namespace grey
