// Several changes to the file system that happen together or not at all.
//
// Everything that can fail for want of space or permission happens while staging, under names that
// start with a dot: svscan, envdir and multilog do not look at those. commit() then only renames,
// and gives directories to their owners. A failure, also halfway through commit(), leaves what was
// there before; a crash leaves each file either old or new.
//
// All is done in directories that were opened on the way (place.h). Where others than root can
// write a file is still replaced, which can do no harm elsewhere; but no directory is made or given
// away there, as another could be put in its place.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/error.h"
#include "greyd/base/files.h"
#include "greyd/base/place.h"

namespace grey::svctool {

class Transaction {
 public:
  Transaction() = default;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();  // undoes what commit() has not made final

  // Makes the directory now, and its missing parents with mode 0755; it has its owner and mode
  // after commit().
  Result<void> make_directory(const std::string& path, const FileMode& mode);
  // Mode and owner of a directory that is there, after commit().
  Result<void> change_directory(const std::string& path, const FileMode& mode);
  // The same of a file that has no other name. Of a user's file nobody else's is made.
  Result<void> change_file(const std::string& path, const FileMode& mode);
  Result<void> stage_file(const std::string& path, std::string_view content, const FileMode& mode);
  Result<void> stage_removal(const std::string& path);  // of a file
  // An empty directory that commit() renames to `path`, after all files; its present name.
  Result<std::string> stage_directory(const std::string& path);

  // `last` is called when nothing is missing but the directories that were staged; its error undoes
  // all.
  Result<void> commit(const std::function<Result<void>()>& last = {});

 private:
  using Shared = std::shared_ptr<const Directory>;
  struct Name {
    std::string path;  // as it was given
    Shared directory;
    std::string name;
    int fd() const { return directory->fd.get(); }
  };
  struct Renaming {
    Name name;
    std::string staged;  // name; nothing is staged for a removal
    std::string old;     // second name of the file that `staged` replaced; empty: there was none
    bool done = false;
  };
  struct Attributes {
    std::string path;
    Fd fd;
    FileMode wanted, before;
    bool done = false;
  };

  Result<Name> name_of(std::string_view verb, const std::string& path);
  Result<Fd> create_directory(const Name& name);
  Result<void> rename_file(Renaming& renaming);
  Result<void> sync(const Directory& directory);

  std::map<std::string, Shared> open_;  // by the path that was asked for
  std::vector<Name> made_directories_;
  std::vector<Attributes> attributes_;
  std::vector<Renaming> files_, directories_;
  bool final_ = false;
};

}  // namespace grey::svctool
