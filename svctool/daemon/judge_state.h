// Judges a daemon's state on disk: whether it is saved, can be saved again, and whether anything of
// it was lost. Pure. See look_at.h for who looks.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "svctool/plan/findings.h"

namespace grey::svctool {

// What is left of a file system for who is not root.
struct Room {
  std::uint64_t bytes = 0;
  std::optional<std::uint64_t> files;  // absent: it has no such limit
};
// "12 KiB"
std::string size_text(std::uint64_t bytes);
// "3 hours"
std::string age_text(double seconds);

struct StateFacts {
  std::string context;  // the context file, NAME
  std::string log;      // where the daemon's log is
  bool unseen = false;  // only root may look into its directory

  // What its user, as set and as it runs (empty: the same), cannot do there; empty: all is well.
  std::string denied, running_denied;
  bool runs_as_another = false;  // than the one that is set
  bool read_only = false;        // the file system, as the daemon sees it
  std::optional<Room> room;

  std::uint64_t snapshot = 0, journals = 0;  // bytes of NAME, and of NAME.journal and its .old
  std::optional<double> saved_ago;           // seconds; absent: there is no NAME
  std::optional<double> running;             // seconds that the daemon has run with these files
  double save_interval = 300;                // seconds
  // Whether the daemon holds NAME.journal open. Without it what it has learnt is in memory alone.
  // Absent: it does not run with these files, or only root can tell.
  std::optional<bool> journal_open;
  // Where NAME would be saved at the daemon's end, as its directory was moved away, and another has
  // its place, which the sandbox does not let it write to; empty: at NAME.
  std::string moved;
  pid_t daemon = 0;  // its process

  std::vector<std::string> set_aside;  // NAME.damaged.* and the like
};

// How much the next save takes beside what is there. Twice that is what may be needed until then,
// as the journal grows by as much as a snapshot before it brings the next one forward.
std::uint64_t room_of_save(const StateFacts& facts);

// What would lose records if the daemon ended now, or keep the next one from saving. (The next one
// would not know those that have `moved`, either.)
void judge_save(const StateFacts& facts, Findings& findings);
// All of it.
void judge_state(const StateFacts& facts, Findings& findings);

}  // namespace grey::svctool
