// The line that the log has for each decision:
//
//   verdict=defer reason=new client=192.0.2.1 sender=a@example.org recipients=b@example.net age=0
//   source=127.0.0.1@40312 [probe=yes] [dry-run=yes]                              (all in one line)
//
// source=local: it came by a unix socket.
//
// Of many recipients the first few are named, then "+<number of the others>". Values are words of
// text.h, so that nothing from outside can end a line or forge a field; long ones are cut.
#pragma once

#include <optional>
#include <string>

#include "greyd/endpoint.h"
#include "greyd/greylist.h"
#include "greyd/wire.h"

namespace grey {

void append_decision(std::string& out, const wire::Query& query, const Decision& decision,
                     const std::optional<Endpoint>& source, bool dry_run);

// "127.0.0.1@40312" or "local"
void append_source(std::string& out, const std::optional<Endpoint>& source);

}  // namespace grey
