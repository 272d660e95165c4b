// The context file of IndiMail's qmail-greyd, which is read and never written: records of
//
//   <client> NUL <sender> NUL <n> NUL <n bytes: T<recipient> NUL ...> <time> NUL <status> '\n'
//
// with n and the time (seconds since 1970) in decimal, and the status one byte of any value. The
// form has neither header, count nor checksum.
//
// What the status byte says is written down nowhere, and so it decides nothing: each recipient's
// triplet is read as waiting since that time. Whoever had passed there passes here with the next
// message while the resend window lasts, and is deferred once more after it; nobody is let in who
// has not come twice. The counts by status go to the remark, for the log.
#pragma once

#include <functional>
#include <string_view>

#include "greyd/context_text.h"

namespace grey {

// Does it begin with a whole record of that form?
bool is_indimail_context(std::string_view text);

// As read_context(), for such a text. A record that cannot be read ends its line: reading goes on
// after the next '\n' from which there is a whole one.
ContextContent read_indimail_context(std::string_view text,
                                     const std::function<void(const SavedRecord&)>& visit);

}  // namespace grey
