// Judges where a service's log goes, and what it says of late. Pure.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "svctool/daemon/judge_state.h"
#include "svctool/plan/findings.h"

namespace grey::svctool {

struct LogPlace {
  std::string log;        // the service of what writes it
  std::string directory;  // LOGDIR
  pid_t writer = 0;       // what writes it; 0: not known, or it does not run
  std::string current;    // what `current` is there when it is no file: "a fifo"
  std::optional<Room> room;
  // Bytes that nobody has read for a second from the pipe that the daemon writes to.
  std::optional<std::size_t> unread;
};

// `stopped`: what reads it is known not to run, which is said elsewhere.
void judge_log_place(const LogPlace& place, bool stopped, Findings& findings);

// What the newest part of a log says. Times are seconds since 1970.
struct LogNews {
  bool unseen = false;                                      // only root may read it
  std::optional<double> since;                              // the first line that was read
  std::optional<double> reloaded_at;                        // the lists were read again
  std::optional<double> refused_at;                         // were not, as they are bad
  std::string refused;                                      // why
  std::optional<double> keys_reloaded_at, keys_refused_at;  // likewise the keys of who asks
  std::string keys_refused;
  std::optional<double> lost_at;  // lines were lost before this one
  std::uint64_t lost = 0;         // so many in all
  std::string last_words;         // the last line, when it is why a program has ended
};

// The same, as if its keys were its lists: for judge_lists().
LogNews news_of_keys(LogNews news);

// Adds what `text` says, whole lines, each with the label of multilog's `t` or as journalctl -o
// short-unix has it. Lines lost before `lost_since` do not count.
void read_news(std::string_view text, double lost_since, LogNews& news);

void judge_news(const LogNews& news, const std::string& service, const std::string& log,
                Findings& findings);

}  // namespace grey::svctool
