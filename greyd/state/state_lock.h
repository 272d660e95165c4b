// NAME.lock: held while a daemon runs, as two on one state would each undo the other.
#pragma once

#include <optional>
#include <string>

#include "greyd/base/error.h"
#include "greyd/base/files.h"

namespace grey {

class StateLock {
 public:
  // `state` is NAME: what an error names.
  explicit StateLock(const std::string& state);

  // Takes the lock; nothing to do when it is held and its file still has its name.
  Result<void> hold();
  // Is it held by that name? A file that is gone is one that another daemon makes anew.
  bool held() const;
  // Whether the last hold() failed as another daemon has it, or as that cannot be known: the file
  // is there and may not be opened.
  bool refused() const { return refused_; }
  const std::string& path() const { return path_; }
  // NAME where the lock's file is now, if its directory was moved away and another may not be
  // written to; else empty.
  std::string moved_to() const;

 private:
  const std::string state_, path_;
  Fd fd_;
  bool refused_ = false;
};

}  // namespace grey
