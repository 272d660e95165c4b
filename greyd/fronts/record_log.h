// The line that the log has for a record, on SIGUSR2: in plain as the context file has it
// (record_text.h), elsewhere by fields.
//
//   level=info state=waiting client=192.0.2.1 sender=a@example.org recipient=b@example.net
//     first-seen=1700000000
//   {"level":"info","state":"client","client":"192.0.2.1","passes":1,"last_seen":1700000000}
#pragma once

#include <string>

#include "greyd/base/log_format.h"
#include "greyd/core/record.h"

namespace grey {

void append_record_line(std::string& out, LogFormat format, const SavedRecord& record);

}  // namespace grey
