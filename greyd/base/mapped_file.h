// A whole file as read-only memory: for state files of hundreds of megabytes. Of a disk that cannot
// read all of it any more it has the rest, with zeros in the place of what cannot be read.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "greyd/base/error.h"

namespace grey {

class MappedFile {
 public:
  // A file that is not there is no error: exists() is false then.
  static Result<MappedFile> open(const std::string& path);
  // One that is open for reading; `path` is for errors.
  static Result<MappedFile> of(int fd, const std::string& path);
  MappedFile(MappedFile&& other) noexcept
      : exists_(other.exists_), text_(std::exchange(other.text_, {})) {}
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();

  bool exists() const { return exists_; }
  std::string_view text() const { return text_; }

 private:
  MappedFile() = default;
  bool exists_ = false;
  std::string_view text_;
};

}  // namespace grey
