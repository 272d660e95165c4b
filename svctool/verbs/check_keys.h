// Whether who asks and who is asked have the same keys.
#pragma once

#include <string>
#include <string_view>

#include "svctool/plan/findings.h"

namespace grey::svctool {

// The daemon's own file, when it has one.
void judge_daemon_keys(const std::string& service, Findings& findings);

// Of an SMTP server that asks `greyip` with the file `key_file` (GREYKEYFILE; empty: none) and is
// run by `run`, its script; empty: not known. The daemons are those of this machine that are among
// its addresses.
void judge_asker_keys(std::string_view greyip, const std::string& key_file, std::string_view run,
                      const std::string& where, Findings& findings);

}  // namespace grey::svctool
