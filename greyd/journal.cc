#include "greyd/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "greyd/journal_text.h"

namespace grey {

Result<Journal> Journal::open(const std::string& path, std::size_t good_size) {
  Journal journal;
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return tl::make_unexpected(system_error("open", path, errno));
  if (::ftruncate(fd.get(), off_t(good_size)) != 0) {
    return tl::make_unexpected(system_error("truncate", path, errno));
  }
  journal.file_ = std::make_shared<const Fd>(std::move(fd));
  journal.size_ = good_size;
  if (good_size == 0) {
    if (const int error = journal.append(kJournalHeader)) {
      return tl::make_unexpected(system_error("write", path, error));
    }
  }
  return journal;
}

int Journal::append(std::string_view batch) {
  const int error = write_all(file_->get(), batch);
  if (error == 0) {
    size_ += batch.size();
  } else {
    // Where even that fails, the next start finds a torn batch and drops it.
    (void)!::ftruncate(file_->get(), off_t(size_));
  }
  return error;
}

}  // namespace grey
