// The process that starts the look-up helper (lookup_helper/main.cc), and starts it anew when it
// has died: forked before the daemon gives up what it takes to start a program. It becomes the
// daemon's user, keeps no descriptor but its end of the socket to the daemon, the program's and
// /dev/null, and reads nothing. Helper and it end with the daemon, whatever ends that.
#pragma once

#include <string>

#include "greyd/base/error.h"
#include "greyd/base/files.h"
#include "greyd/options.h"

namespace grey {

struct LookupSpawner {
  Fd socket;         // to the helper, SOCK_SEQPACKET, not blocking; none: there are no look-ups
  std::string lack;  // why there is none, though they are wanted; else empty
};

// Why there would be none, as far as can be told without a start; else empty.
std::string lack_of_look_ups(const Options& options);

// REQUIRES: no thread has begun, and sockets are bound. From now on nobody waits for children: what
// ends is not told of.
LookupSpawner start_lookup_spawner(const Options& options);

}  // namespace grey
