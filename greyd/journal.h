// The journal on disk, open for appending. See journal_text.h for what is in it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "greyd/error.h"
#include "greyd/files.h"

namespace grey {

class Journal {
 public:
  // Opens `path`, made with its header when it is not there. Of an existing one the first
  // `good_size` bytes are kept and the rest is cut off; 0 starts it anew.
  static Result<Journal> open(const std::string& path, std::size_t good_size);

  // Appends one whole batch. After an error (an errno is returned) the file is cut back to where it
  // was, so that a later batch follows a whole one.
  int append(std::string_view batch);

  std::size_t size() const { return size_; }
  // Shared, so that a sync that is under way elsewhere keeps it open.
  std::shared_ptr<const Fd> file() const { return file_; }

 private:
  std::shared_ptr<const Fd> file_;
  std::size_t size_ = 0;
};

}  // namespace grey
