// The line that the log has for each decision, here in several (of log_format.h's plain):
//
//   verdict=defer reason=new client=192.0.2.1 [name=mx.example.org] sender=a@example.org
//   recipients=b@example.net age=0 [wait=300] [list=greylist.whitelist:12]
//   [rule=greylist.rules:3] source=127.0.0.1@40312 [unasked=2] [probe=yes] [dry-run=yes]
//
// verdict: the reason's; with dry-run the asker is told to accept all the same.
// name: the client's, as whoever asks has verified it. wait: the seconds until a retry is accepted.
// list: the entry that decided, by its file's name without directories and its line, or for a cdb
// its key (list=greylist.whitelist.cdb:192.0.2.0/24). rule: under which the recipient fell that
// decided. source=local: it came by a unix socket.
//
// Of many recipients the first few are named, then "+<number of the others>". Values are words of
// text.h, so that nothing from outside can end a line or forge a field; long ones are cut.
//
// In logfmt the same after level=info, with quotes where a value has '=', '"' or '\\'. In JSON
// numbers are numbers, "probe" and "dry_run" are true, and recipients are a list, behind which
// "others" is how many it leaves out:
//
//   {"level":"info","verdict":"defer","reason":"new","client":"192.0.2.1","sender":"a@example.org",
//    "recipients":["b@example.net"],"age":0,"wait":300,"source":"127.0.0.1@40312"}
#pragma once

#include <optional>
#include <string>

#include "greyd/base/log_format.h"
#include "greyd/core/decision.h"
#include "greyd/wire/endpoint.h"
#include "greyd/wire/wire.h"

namespace grey {

void append_decision(std::string& out, LogFormat format, const wire::Query& query,
                     const Decided& decision, const std::optional<Endpoint>& source);

}  // namespace grey
