// Whether the daemon could start, without a start.
#pragma once

#include <spdlog/logger.h>

#include "greyd/options.h"

namespace grey {

// All that a start needs before it answers, but for the ports: a daemon that runs has them. Warns
// of what would not stop it. Becomes the options' user for good, and changes nothing else.
Result<void> check_start(const Options& options, spdlog::logger& logger);

}  // namespace grey
