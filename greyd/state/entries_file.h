// Entries (core/entries.h) on the disk, in NAME.entries:
//
//   qmail-greyd entries 1
//   # allow|block made until by entry; written by the daemon: use greyctl
//   allow 1700000000 1702592000 uid:0 192.0.2.0/24
//   block 1700000000 - uid:1000 to:user@example.com
//   end 2
//
// Times are seconds since 1970, "-": it stays. The last two are words of text.h.
#pragma once

#include <string>
#include <vector>

#include "greyd/base/error.h"
#include "greyd/core/entries.h"

namespace grey {

std::string entries_path(const std::string& context_file);

std::string to_text(const Entries& entries);

// What of a text can be read. `bad`: its first line that cannot, and why; empty: all could.
struct ReadEntries {
  Entries entries;
  std::string bad;
};
ReadEntries read_entries(std::string_view text);

// Of no file: none. One that is damaged gets a second name, NAME.entries.damaged.<now>, before its
// good lines are taken, and `note` says so. An error when it is there and cannot be read or kept.
Result<Entries> load_entries(const std::string& path, Seconds now, std::string& note);

// Replaces the file. Takes as long as the disk does.
Result<void> save_entries(const std::string& path, const std::string& text);

}  // namespace grey
