// What the daemon keeps once its sockets are bound and it is its user: see sandbox/sandbox.h.
#pragma once

#include <spdlog/logger.h>

#include "greyd/base/error.h"
#include "greyd/options.h"
#include "greyd/sandbox/sandbox.h"

namespace grey {

// What it reads, keeps and connects to with these options. A file whose name is a link is also
// where that leads to, as it is now.
sandbox::Needs needs_of(const Options& options);

// For good, unless --sandbox=off. What is left off, or this kernel does not have, is logged.
// REQUIRES: no thread has begun, as it would be free of it.
Result<sandbox::Sandbox> confine(const Options& options, spdlog::logger& logger);

// "; DIRECTORY is not ...: a restart is needed", to be said behind a failure; empty where that is
// not why.
std::string restart_hint(const sandbox::Sandbox& sandbox);

}  // namespace grey
