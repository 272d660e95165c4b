// A directory and what is below it, as an import looks at it. Apart from the disk, so that a test
// can make one up.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/error.h"
#include "greyd/base/files.h"
#include "greyd/base/seconds.h"

namespace grey::imports {

struct DirectoryEntry {
  enum class Kind : std::uint8_t { file, directory, other };  // a link is other
  std::string_view name;                                      // for the call only
  Kind kind = Kind::other;
  bool empty = true;  // a file of no octets
  Seconds mtime = 0, atime = 0;
};

class Directory {
 public:
  virtual ~Directory() = default;
  // Calls visit(entry) for each entry of the directory at `path`, the names of the directories on
  // the way from the first, "." and ".." left out, in any order, until it says false. What goes
  // away meanwhile is passed over. The visitor may list a directory below.
  using Path = std::vector<std::string>;
  virtual Result<void> list(const Path& path,
                            const std::function<bool(const DirectoryEntry&)>& visit) = 0;
};

// One on the disk. Follows no link below its first: a tree is never left, and has no end only where
// it has none on the disk.
class DiskDirectory : public Directory {
 public:
  static Result<DiskDirectory> open(const std::string& path);
  Result<void> list(const Path& path,
                    const std::function<bool(const DirectoryEntry&)>& visit) override;

 private:
  DiskDirectory(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Fd fd_;
  std::string path_;
};

// "AAA/BBB"
std::string to_string(const Directory::Path& path);

}  // namespace grey::imports
