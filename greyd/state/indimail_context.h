// The context file of IndiMail's qmail-greyd, which is read and never written: records of
//
//   <client> NUL <sender> NUL <n> NUL <n bytes: T<recipient> NUL ...> <time> NUL <status> '\n'
//
// with n and the time (seconds since 1970) in decimal, and the status one byte of any value. The
// form has neither header, count nor checksum.
//
// What the status byte says, as files tell that its versions 2 and 3 wrote:
//
//   0 new   1 tried again too early   2 stale: begun anew   waiting; the time is when it was first
//                                                           seen, or begun anew
//   5 passed for the first time   4 accepted again          passed; the time is when it was last
//   6 an accepted bounce                                    waiting: it is good for no other
//
// No other value has been found (3 and 7 stand for answers after which nothing is stored). One that
// is met all the same waits, as nobody is let in who has not come twice. How many of its triplets
// had passed and how many wait goes to the remark, for the log.
//
// Its key is the list of recipients as a whole, ours each recipient: one that is in several lists
// gets what says most of it, see Greylist::restore().
#pragma once

#include <functional>
#include <string_view>

#include "greyd/state/context_text.h"

namespace grey {

// Does it begin with a whole record of that form?
bool is_indimail_context(std::string_view text);

// As read_context(), for such a text. A record that cannot be read ends its line: reading goes on
// after the next '\n' from which there is a whole one.
ContextContent read_indimail_context(std::string_view text,
                                     const std::function<void(const SavedRecord&)>& visit);

}  // namespace grey
