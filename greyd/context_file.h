// The context file: what the daemon remembers, as text that a person can read.
//
//   qmail-greyd context 1
//   <records, see record_text.h; lines that begin with '#' are comments>
//   end <number of records> <XXH3-64 of all bytes before this line, 16 hexadecimal digits>
//
// It is replaced whole (temporary file NAME.new, fsync, rename, fsync of the directory), so that
// at any moment the name stands for a complete file. A file that cannot be read whole is never
// overwritten: it is set aside as NAME.damaged.<now>, and what can be read of it is loaded.
#pragma once

#include <string>

#include "greyd/error.h"
#include "greyd/greylist.h"

namespace grey {

struct LoadReport {
  bool found = false;
  std::size_t loaded = 0;
  std::size_t expired = 0;
  // What was wrong with the file, in words and with numbers; empty for a whole one.
  std::string damage;
  std::string set_aside_as;  // its new name, when damaged
};

// An error when the file is there but cannot be opened, or cannot be set aside.
Result<LoadReport> load_context(const std::string& path, Greylist& greylist, Seconds now);

// How many records were written. After an error the file is what it was.
Result<std::size_t> save_context(const std::string& path, const Greylist& greylist);

// Whether save_context could work here, at start: an error names what stands in the way.
Result<void> check_context_place(const std::string& path);

}  // namespace grey
