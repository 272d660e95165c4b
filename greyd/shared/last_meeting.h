// What a daemon remembers of the store when it has ended, or was killed, in NAME.store: so that at
// its next start it tells what the store may not know, and not all that it knows.
//
//   qmail-greyd store 1
//   {"run":"mx1.1999.7.1:0:","beat":1764172800,"good":1764172800}
//   end 1
#pragma once

#include <string>

#include "greyd/base/error.h"
#include "greyd/base/seconds.h"

namespace grey::shared {

struct LastMeeting {
  std::string run;   // the store's, see kMeet; empty: there was none
  Seconds beat = 0;  // the last that it has told, by its clock
  Seconds good = 0;  // all that was stamped until then has been told, by this host's clock
  bool operator==(const LastMeeting&) const = default;
};

std::string meeting_path(const std::string& context_file);

// Of no file: none. One that is damaged gets a second name, as totals do (totals_file.h), and
// `note` says so. An error when it is there and cannot be read or kept.
Result<LastMeeting> load_meeting(const std::string& path, Seconds now, std::string& note);

// Replaces the file. Takes as long as the disk does.
Result<void> save_meeting(const std::string& path, const LastMeeting& meeting);

}  // namespace grey::shared
