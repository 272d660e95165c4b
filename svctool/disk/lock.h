// Keeps two svctools apart: one of them would lose what the other has written since it looked, or
// undo what the other is still making.
#pragma once

#include <string>
#include <vector>

#include "greyd/base/error.h"
#include "greyd/base/files.h"

namespace grey::svctool {

// Directories that are locked until the end of the scope, without files of their own. Whoever may
// read a directory could hold it as well: it is waited for a minute, and then it is an error. Where
// we may not read one ourselves there is no lock.
class Locks {
 public:
  // The directory that holds `path`: for who edits that file.
  Result<void> directory_of(const std::string& path);
  // For who changes what is in a service: its directory.
  Result<void> service(const std::string& directory) { return tree(directory); }
  // For who makes or removes services: the directory that it is in as well, for those beside it.
  Result<void> service_place(const std::string& directory);
  void release() { held_.clear(); }

 private:
  enum class Kind { shared, alone };
  struct Held {
    FileId id;
    Fd fd;
    Kind kind;
  };

  // A directory alone and those above it shared, so that who makes one of these keeps out who works
  // below; of one that is not there, the nearest above it.
  Result<void> tree(const std::string& directory);
  Result<void> take(const std::string& directory, Kind kind);

  std::vector<Held> held_;
};

}  // namespace grey::svctool
