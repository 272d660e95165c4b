// What a start does once, in the one order that privilege and sandbox allow, before anything of the
// state is touched.
#pragma once

#include <spdlog/logger.h>

#include <optional>
#include <vector>

#include "greyd/base/error.h"
#include "greyd/base/files.h"
#include "greyd/control_socket.h"
#include "greyd/lists/network_set.h"
#include "greyd/lookup_spawner.h"
#include "greyd/net/listener.h"
#include "greyd/options.h"
#include "greyd/pools/name_parents.h"
#include "greyd/sandbox/sandbox.h"
#include "greyd/shared/shared_state.h"

namespace grey {

// What it leaves open, and has read where that cannot be read later.
struct Opened {
  Fd udp;
  std::vector<Listener> mta, submission;
  ControlSocket control;
  Fd lookup_helper;  // none: there are no look-ups
  std::optional<shared::SharedSettings> sharing;
  NetworkSet local;                    // this host's addresses
  std::optional<NameParents> parents;  // as PoolKeeper wants them
  sandbox::Sandbox sandbox;
};

// Binds its ports, starts the look-up helper, becomes its user, and gives up the rest for good.
// What can be done without is logged; an error is one line for whoever has started it, and the
// state is as it was. REQUIRES: no thread has begun.
Result<Opened> start_up(const Options& options, spdlog::logger& logger);

}  // namespace grey
