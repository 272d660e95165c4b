// The context file on disk: what the daemon remembers from one run to the next. See context_text.h
// for what is in it.
//
// It is replaced whole (temporary file NAME.new, fsync, rename, fsync of the directory), so that
// at any moment the name stands for a complete file. A file that cannot be read whole is never
// overwritten: it is set aside as NAME.damaged.<now>, and what can be read of it is loaded. A file
// in another program's form is kept as NAME.imported before it is replaced by one of ours.
#pragma once

#include <string>

#include "greyd/context_text.h"
#include "greyd/error.h"
#include "greyd/greylist.h"

namespace grey {

struct LoadReport {
  std::size_t loaded = 0;
  std::size_t expired = 0;
  std::string damage;   // what was wrong with the file, and how many records are lost; or empty
  std::string kept_as;  // where the file is now, when it was damaged or imported
};

// `form`: the one that will be saved in. No file is an empty state. An error when the file is there
// but cannot be opened, or cannot be set aside or kept.
Result<LoadReport> load_context(const std::string& path, ContextForm form, Greylist& greylist,
                                Seconds now);

// How many records were written. After an error the file is what it was.
Result<std::size_t> save_context(const std::string& path, ContextForm form,
                                 const Greylist& greylist);

// Whether save_context could work here, at start: an error names what stands in the way.
Result<void> check_context_place(const std::string& path);

}  // namespace grey
