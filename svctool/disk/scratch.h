// What is there for a while only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/error.h"
#include "greyd/base/place.h"

namespace grey::svctool {

// A directory of ours that nobody else may look into, gone with its contents at the end of the
// scope.
class ScratchDirectory {
 public:
  // Beside `file`, where there is as much room as for what replaces it. Where others can write
  // there it is to be used by its descriptor alone.
  static Result<std::unique_ptr<ScratchDirectory>> beside(const std::string& file);
  // In $TMPDIR or /tmp, for programs that are told its path: nobody else could exchange it.
  static Result<std::unique_ptr<ScratchDirectory>> in_temporary_files();

  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory();

  int fd() const { return fd_.get(); }
  std::string path() const { return path_below(parent_.path, name_); }

  Result<std::optional<std::string>> read(const std::string& name) const;
  Result<void> make_directory(const std::string& name) const;
  // A file that was not there; its name may have a directory of make_directory() before it.
  Result<void> write(const std::string& name, std::string_view content) const;

 private:
  ScratchDirectory(Directory parent, std::string name);
  static Result<std::unique_ptr<ScratchDirectory>> make(Directory parent, std::string name,
                                                        const std::string& what);

  Directory parent_;
  std::string name_;
  Fd fd_;
};

// Files that another program may begin and leave, beside and including `file`, where others can
// write, too.
class BegunFiles {
 public:
  BegunFiles(const std::string& file, const std::vector<std::string>& suffixes);
  // Takes away those that were not there before. Whether none was, and now something was.
  bool remove() const;

 private:
  int fd() const { return place_->directory.fd.get(); }

  std::optional<Place> place_;
  std::vector<std::string> missing_;  // names that nothing had
  bool all_missing_ = false;
};

}  // namespace grey::svctool
