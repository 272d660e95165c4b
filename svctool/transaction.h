// Several changes to the file system that happen together or not at all.
//
// Everything that can fail for want of space or permission happens while staging, under names that
// start with a dot: svscan, envdir and multilog do not look at those. commit() then only renames.
// A failure, also halfway through commit(), leaves what was there before; a crash leaves each file
// either old or new.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "greyd/error.h"
#include "greyd/files.h"

namespace grey::svctool {

class Transaction {
 public:
  Transaction() = default;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();  // undoes what commit() has not made final

  // Makes the directory now, and its missing parents with mode 0755.
  Result<void> make_directory(const std::string& path, const FileMode& mode);
  // Mode and owner of a directory that is there.
  Result<void> change_directory(const std::string& path, const FileMode& mode);
  Result<void> stage_file(const std::string& path, std::string_view content, const FileMode& mode);
  Result<void> stage_removal(const std::string& path);  // of a file
  // An empty directory that commit() renames to `path`, after all files; its present name.
  Result<std::string> stage_directory(const std::string& path);

  Result<void> commit();

 private:
  struct Renaming {
    std::string staged, path;  // nothing is staged for a removal
    std::string old;  // second name of the file that `staged` replaced; empty: there was none
    bool done = false;
  };
  struct Attributes {
    std::string path;
    FileMode before;
  };
  Result<void> rename_file(Renaming& renaming);

  std::vector<std::string> made_directories_;
  std::vector<Attributes> attributes_;
  std::vector<Renaming> files_, directories_;
  bool final_ = false;
};

}  // namespace grey::svctool
