// The pages that `greyctl serve` shows to people. They stand alone: nothing else is loaded by them.
#pragma once

#include <string>

#include "greyd/base/error.h"
#include "greyd/base/seconds.h"
#include "greyd/greyctl/channel.h"

namespace grey::greyctl {

struct Page {
  std::string html;
  std::string script{};  // the one that is within, as it stands between its tags; no other is run
};

// The report of now, which asks for itself again after so many seconds.
Result<Page> page_of(Channel& channel, Seconds refresh);

// Where the daemon does not answer. It is tried again soon. `why`: one line.
Page page_of_nobody(const std::string& why, Seconds refresh);

}  // namespace grey::greyctl
