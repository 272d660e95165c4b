// What is the same about a question that is asked again.
#pragma once

#include <cstdint>
#include <string_view>

#include "greyd/endpoint.h"
#include "greyd/table.h"

namespace grey {

// An asker that got no answer sends the same datagram from the same port, which no other question
// does. Never 0. `key` is secret, so that nobody can make two questions alike.
std::uint64_t question_id(const HashKey& key, const Endpoint& source, std::string_view datagram);

}  // namespace grey
