// The journal on disk, open for appending. See journal_text.h for what is in it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "greyd/base/error.h"
#include "greyd/base/files.h"

namespace grey {

class Journal {
 public:
  // Opens `path`, made with its header when it is not there. Of an existing one the first
  // `good_size` bytes are kept and the rest is cut off; 0 starts it anew.
  static Result<Journal> open(const std::string& path, std::size_t good_size);
  // Opens one with damage in it, of which nothing is to be cut off: what is appended from now on
  // can be read whatever the damage is.
  static Result<Journal> open_damaged(const std::string& path);

  // Appends one whole batch. After an error (an errno is returned) the file is cut back to where it
  // was, so that a later batch follows a whole one. Never throws, as sync().
  int append(std::string_view batch);
  int sync() const;  // 0 or an errno

  // Is it still the file of that name?
  bool is_at(const std::string& path) const { return file_id(path) == id_; }
  FileId id() const { return id_; }
  std::size_t size() const { return size_; }
  // Shared, so that a sync that is under way elsewhere keeps it open.
  std::shared_ptr<const Fd> file() const { return file_; }

 private:
  static Result<Journal> open_file(const std::string& path);

  std::shared_ptr<const Fd> file_;
  FileId id_;
  std::size_t size_ = 0;
};

}  // namespace grey
