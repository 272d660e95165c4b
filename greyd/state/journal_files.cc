#include "greyd/state/journal_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <utility>

#include "greyd/state/record_text.h"

namespace grey {
namespace {

constexpr std::size_t kFlush = std::size_t{1} << 18;  // bytes noted that are written at once
constexpr std::size_t kLongestLine = 8192;            // a key of 1023 octets, each as %XX

}  // namespace

JournalFiles::JournalFiles(const std::string& name, Sync sync)
    : path_(name + ".journal"), old_path_(path_ + ".old"), sync_(sync) {
  // So that noting needs no more memory, and the most that it takes is known from the start.
  changes_.reserve(kFlush + kLongestLine);
}

// ---- noting ------------------------------------------------------------------------------------

void JournalFiles::fault(const char* verb, int number) noexcept {
  fault_ = Fault{verb, number};
  turn_off();
}

void JournalFiles::note(const SavedRecord& change) noexcept {
  if (!journal_) {
    ++left_out_;
    return;
  }
  ++noted_;
  try {
    append_record(changes_, change);
    if (changes_.size() >= kFlush) flush();
  } catch (const std::exception&) {
    fault("note changes for", ENOMEM);
  }
}

void JournalFiles::flush() {
  end_batch(changes_);
  const int error = journal_->append(changes_);
  changes_.clear();
  unsynced_ = true;
  if (error != 0) return fault("write", error);
  noted_ = 0;
}

std::optional<JournalFiles::Fault> JournalFiles::commit() noexcept {
  try {
    if (journal_ && !changes_.empty()) flush();
  } catch (const std::exception&) {
    fault("note changes for", ENOMEM);
  }
  if (journal_ && sync_ == Sync::always && unsynced_) {
    if (const int error = sync_now()) fault("sync", error);
  }
  return std::exchange(fault_, std::nullopt);
}

int JournalFiles::sync_now() noexcept {
  unsynced_ = false;
  if (const int error = journal_->sync()) return error;
  if (!std::exchange(names_unsynced_, false)) return 0;
  // In a journal whose name is not on the disk nothing is safe.
  try {
    return sync_parent(path_);
  } catch (const std::exception&) {
    return ENOMEM;
  }
}

void JournalFiles::turn_off() noexcept {
  changes_.clear();
  left_out_ += std::exchange(noted_, 0);
  if (!journal_) return;
  last_id_ = journal_->id();
  good_size_ = journal_->size();
  damaged_ = false;
  ending_.clear();
  try {
    if (std::exchange(unsynced_, false)) unsynced_files_.push_back(journal_->file());
  } catch (const std::exception&) {
    // Then what was answered last waits for the snapshot.
  }
  journal_.reset();
}

// ---- opening -----------------------------------------------------------------------------------

void JournalFiles::found(const JournalContent& content) {
  last_id_ = file_id(path_);
  good_size_ = content.good_size;
  damaged_ = !content.damage.empty();
  ending_ = content.ending;
}

void JournalFiles::found_old() {
  old_id_ = file_id(old_path_);
  // A death leaves what it wrote to the system: the next sync is for that, too.
  auto file = std::make_shared<const Fd>(::open(old_path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (*file) unsynced_files_.push_back(std::move(file));
}

void JournalFiles::take(Journal journal) {
  journal_ = std::move(journal);
  unsynced_ = names_unsynced_ = true;
}

// Opens what is at path_, known to be ours, or nothing.
Result<void> JournalFiles::reopen() {
  const bool there = file_id(path_).has_value();
  auto journal = there && damaged_ ? Journal::open_damaged(path_)
                                   : Journal::open(path_, there ? good_size_ : 0);
  if (!journal) return tl::make_unexpected(journal.error());
  if (there && !damaged_ && !ending_.empty()) {
    if (const int error = journal->append(ending_)) {
      return tl::make_unexpected(system_error("write", path_, error));
    }
  }
  take(std::move(*journal));
  return {};
}

Result<void> JournalFiles::go_on() {
  return reopen();
}

Result<void> JournalFiles::start_anew() {
  auto journal = Journal::open(path_, 0);
  if (!journal) return tl::make_unexpected(journal.error());
  take(std::move(*journal));
  return {};
}

Result<void> JournalFiles::move_foreign(const std::string& path, const std::optional<FileId>& mine,
                                        std::vector<std::string>& moved) {
  const auto there = file_id(path);
  if (!there || there == mine) return {};
  const std::string name = free_name(path + ".found");
  if (::rename(path.c_str(), name.c_str()) != 0) {
    return tl::make_unexpected(system_error("rename", path, errno));
  }
  moved.push_back(path + " is not the daemon's own; it is kept as " + name);
  return {};
}

Result<void> JournalFiles::begin(std::vector<std::string>& moved) {
  const std::optional<FileId> mine = journal_ ? journal_->id() : last_id_;
  if (auto own = move_foreign(path_, mine, moved); !own) return own;
  if (auto own = move_foreign(old_path_, old_id_, moved); !own) return own;
  if (file_id(old_path_)) {
    // The last snapshot failed: its journal still counts, and so the one after it goes on.
    return journal_ ? Result<void>() : reopen();
  }
  const bool renamed = ::rename(path_.c_str(), old_path_.c_str()) == 0;
  if (!renamed && errno != ENOENT) {
    return tl::make_unexpected(system_error("rename", path_, errno));
  }
  auto journal = Journal::open(path_, 0);
  if (!journal) {
    // It goes on where it was, when it can: with no room for a new file there may be some in it.
    if (renamed && ::rename(old_path_.c_str(), path_.c_str()) != 0) {
      old_id_ = mine;
      turn_off();
      last_id_ = file_id(path_);
      good_size_ = 0;
    }
    names_unsynced_ = true;
    return tl::make_unexpected(journal.error());
  }
  if (renamed) old_id_ = mine;
  if (journal_ && unsynced_) unsynced_files_.push_back(journal_->file());
  take(std::move(*journal));
  damaged_ = false;
  return {};
}

const char* JournalFiles::check_name() {
  if (!journal_ || journal_->is_at(path_)) return nullptr;
  const char* what = file_id(path_) ? " has been replaced" : " is gone";
  struct stat status {};
  const bool elsewhere = ::fstat(journal_->file()->get(), &status) == 0 && status.st_nlink > 0;
  turn_off();
  // Whatever has a removed file's number from now on is another one.
  if (!elsewhere) last_id_.reset();
  return what;
}

// ---- syncing -----------------------------------------------------------------------------------

std::function<int()> JournalFiles::take_sync() {
  if (sync_ != Sync::second) return {};
  if (!unsynced_ && unsynced_files_.empty() && !names_unsynced_) return {};
  std::vector<std::shared_ptr<const Fd>> files = std::move(unsynced_files_);
  unsynced_files_.clear();
  if (unsynced_) files.push_back(journal_->file());
  unsynced_ = false;
  return [files = std::move(files), names = std::exchange(names_unsynced_, false), path = path_] {
    for (const auto& file : files) {
      if (::fdatasync(file->get()) != 0) return errno;
    }
    return names ? sync_parent(path) : 0;
  };
}

std::function<int()> JournalFiles::sync_for_snapshot() const {
  return [file = journal_->file()] { return ::fdatasync(file->get()) == 0 ? 0 : errno; };
}

void JournalFiles::forget_old() {
  old_id_.reset();
  unsynced_files_.clear();
}

int JournalFiles::remove() {
  turn_off();
  ::unlink(old_path_.c_str());
  ::unlink(path_.c_str());
  forget_old();
  last_id_.reset();
  good_size_ = 0;
  damaged_ = false;
  ending_.clear();
  return sync_parent(path_);
}

}  // namespace grey
