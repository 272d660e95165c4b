// `greyctl serve`: a daemon's report and figures by HTTP. A process of its own, so that nothing
// that comes by HTTP comes to the daemon: that sees no more than two connections to its control
// socket, one for figures, which are asked for once a second at most, and one for the report.
#pragma once

#include <string>

#include "greyd/base/error.h"
#include "greyd/greyctl/serve_wanted.h"

namespace grey::greyctl {

// `control`: the daemon's socket; that it is not there yet, or goes, is no error. Serves until TERM
// or INT, and ends the process then, with 0: nobody waits for what is going on. Returns what has
// stopped it before.
Error serve(const ServeWanted& wanted, const std::string& control);

}  // namespace grey::greyctl
