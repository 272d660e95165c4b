#include "greyd/state/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "greyd/state/journal_text.h"

namespace grey {

Result<Journal> Journal::open_file(const std::string& path) {
  Journal journal;
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return tl::make_unexpected(system_error("open", path, errno));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    return tl::make_unexpected(system_error("read", path, errno));
  }
  // What the umask of who started us has taken away; no reason to go on without.
  if ((status.st_mode & 0600) != 0600) (void)!::fchmod(fd.get(), 0600);
  journal.id_ = {status.st_dev, status.st_ino};
  journal.size_ = std::size_t(status.st_size);
  journal.file_ = std::make_shared<const Fd>(std::move(fd));
  return journal;
}

Result<Journal> Journal::open(const std::string& path, std::size_t good_size) {
  auto journal = open_file(path);
  if (!journal) return journal;
  const bool empty = journal->size_ == 0;
  if (journal->size_ != good_size && ::ftruncate(journal->file_->get(), off_t(good_size)) != 0) {
    return tl::make_unexpected(system_error("truncate", path, errno));
  }
  journal->size_ = good_size;
  if (good_size > 0) return journal;
  if (const int error = journal->append(kJournalHeader)) {
    if (empty) ::unlink(path.c_str());  // as it was before
    return tl::make_unexpected(system_error("write", path, error));
  }
  return journal;
}

Result<Journal> Journal::open_damaged(const std::string& path) {
  auto journal = open_file(path);
  if (!journal) return journal;
  if (const int error = journal->append(kEndOfDamage)) {
    return tl::make_unexpected(system_error("write", path, error));
  }
  return journal;
}

int Journal::append(std::string_view batch) {
  const int error = write_all(file_->get(), batch);
  if (error == 0) {
    size_ += batch.size();
  } else {
    // Where even that fails, what opens it next cuts it back.
    (void)!::ftruncate(file_->get(), off_t(size_));
  }
  return error;
}

int Journal::sync() const {
  return ::fdatasync(file_->get()) == 0 ? 0 : errno;
}

}  // namespace grey
