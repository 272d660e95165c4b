// Whom ours have written to, of a mail server's log: each recipient whose delivery elsewhere has
// succeeded is a record of RecordClass::sent.
//
// qmail-send's, as multilog has it with TAI64N stamps, or splogger and syslog:
//
//   @400000006743b0c50f1e2d3c info msg 93869: bytes 1234 from <joe@here.example> qp 2341 uid 501
//   @400000006743b0c50f1e2d3c starting delivery 8: msg 93869 to remote ann@there.example
//   @400000006743b0c6211e2d3c delivery 8: success: 192.0.2.1_accepted_message./...
//   Nov 27 10:00:00 mail qmail: 1764237600.123456 delivery 8: success: ...
//
// Postfix's, by queue ID; of what its smtp client has sent, not to this host itself (a filter):
//
//   Nov 27 10:00:00 mail postfix/qmgr[12]: 4F2A1C0: from=<joe@here.example>, size=99, nrcpt=1 (...)
//   2026-11-27T10:00:01.123456+01:00 mail postfix/smtp[13]: 4F2A1C0: to=<ann@there.example>,
//       relay=mx.there.example[192.0.2.1]:25, delay=1, delays=..., dsn=2.0.0, status=sent (250 ...)
//
// (The messages are those of qmail-send(8) and of Postfix's qmgr(8) and smtp(8), as both write
// them.) A stamp without a year is of the last such time that is no more than a day after `now`.
#pragma once

#include <memory>
#include <string>

#include "greyd/imports/reader.h"

namespace grey::imports {

std::unique_ptr<Reader> qmail_send_reader(std::string name, Visit visit);
std::unique_ptr<Reader> postfix_reader(std::string name, const Settings& settings, Visit visit);

// Each line by what it looks like.
std::unique_ptr<Reader> any_sent_log_reader(const std::string& name, const Settings& settings,
                                            const Visit& visit);

}  // namespace grey::imports
