// Takes away what is there: files, and directories with all that is in them.
#pragma once

#include <string>

#include "greyd/base/error.h"
#include "greyd/base/place.h"

namespace grey::svctool {

// Removes a file, or a directory with all that is in it. 0 or an errno.
int remove_tree(int directory, const std::string& name);
// All that is in a directory that is open; it stays. 0 or an errno.
int empty_tree(int directory);

// One that is not there is no error.
Result<void> remove_file(const std::string& path);

// An error where somebody else could put another thing in this one's place.
Result<void> refuse_exposed(std::string_view verb, const std::string& path);

// Something that is about to be removed, under a name that svscan does not look at. It is worked on
// in the directory where it was found, which nobody else can exchange.
class MovedAside {
 public:
  static Result<MovedAside> move(const std::string& path);

  const std::string& path() const { return hidden_; }  // its present name
  Result<void> put_back();
  // With all that is in it; of a link the link alone.
  Result<void> remove();

 private:
  MovedAside(Place place, std::string path, std::string hidden)
      : place_(std::move(place)), path_(std::move(path)), hidden_(std::move(hidden)) {}

  std::string hidden_name() const { return hidden_.substr(hidden_.rfind('/') + 1); }
  int fd() const { return place_.directory.fd.get(); }

  Place place_;
  std::string path_, hidden_;
};

}  // namespace grey::svctool
