#include "greyd/state_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

#include "greyd/files.h"
#include "greyd/journal_text.h"
#include "greyd/mapped_file.h"

namespace grey {
namespace {

constexpr std::size_t kPart = std::size_t{1} << 18;           // bytes of a snapshot written at once
constexpr std::size_t kSmallJournal = std::size_t{32} << 20;  // brings no save forward
constexpr Seconds kTryAgain = 60;                             // after a failure

// `path` + `suffix`, or with a number behind it: a name that is not in use.
std::string free_name(const std::string& path, const std::string& suffix) {
  std::string name = path + suffix;
  for (int n = 1; ::access(name.c_str(), F_OK) == 0; ++n) {
    name = path + suffix + "." + std::to_string(n);
  }
  return name;
}

// Moves a damaged file out of the way.
Result<std::string> set_aside(const std::string& path, Seconds now) {
  std::string name = free_name(path, ".damaged." + std::to_string(now));
  if (::rename(path.c_str(), name.c_str()) == 0) return name;
  return tl::make_unexpected(system_error("set aside damaged", path, errno));
}

// Gives the file a second name, so that it outlives the next save.
Result<std::string> keep_imported(const std::string& path) {
  std::string name = free_name(path, ".imported");
  if (::link(path.c_str(), name.c_str()) == 0) return name;
  // A file of another user's, or a file system without links: a copy will do.
  const auto content = read_file(path);
  if (!content) return tl::make_unexpected(content.error());
  if (auto copied = replace_file(name, content->value_or(""), {0600, {}, {}}); !copied) {
    return tl::make_unexpected(copied.error());
  }
  return name;
}

Result<Fd> create_new(const std::string& path) {
  // 0600: who writes to whom is nobody else's business.
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return tl::make_unexpected(system_error("create", path, errno));
  return fd;
}

// Makes a written snapshot the one that counts. 0 or an errno.
int put_in_place(int fd, const std::string& new_path, const std::string& path) {
  if (::fsync(fd) != 0) return errno;
  if (::rename(new_path.c_str(), path.c_str()) != 0) return errno;
  return sync_parent(path);
}

}  // namespace

StateFiles::StateFiles(std::string path, ContextForm form, Sync sync, Greylist& greylist,
                       Background& background, Report report)
    : path_(std::move(path)),
      form_(form),
      sync_(sync),
      greylist_(greylist),
      background_(background),
      report_(std::move(report)) {}

StateFiles::~StateFiles() {
  background_.drain();  // what it still does refers to this
  greylist_.note_changes_in(nullptr);
}

// ---- start -------------------------------------------------------------------------------------

Result<LoadReport> StateFiles::load(Seconds now) {
  LoadReport report;
  bool save_now = false;
  if (auto locked = lock(); !locked) return tl::make_unexpected(locked.error());
  if (auto loaded = load_snapshot(now, report, save_now); !loaded) {
    return tl::make_unexpected(loaded.error());
  }
  const auto old_size = load_journal(old_journal_path(), now, report, save_now);
  if (!old_size) return tl::make_unexpected(old_size.error());
  const auto good_size = load_journal(journal_path(), now, report, save_now);
  if (!good_size) return tl::make_unexpected(good_size.error());

  auto journal = Journal::open(journal_path(), *good_size);
  if (!journal) return tl::make_unexpected(journal.error());
  journal_ = std::move(*journal);
  greylist_.note_changes_in(this);
  if (!save_now) return report;
  // What was set aside is now in memory alone.
  if (auto saved = save_all(); !saved) return tl::make_unexpected(saved.error());
  journal = Journal::open(journal_path(), 0);
  if (!journal) return tl::make_unexpected(journal.error());
  journal_ = std::move(*journal);
  return report;
}

Result<void> StateFiles::lock() {
  const std::string name = path_ + ".lock";
  lock_ = Fd(::open(name.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!lock_) return tl::make_unexpected(system_error("open", name, errno));
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) == 0) return {};
  if (errno != EWOULDBLOCK) return tl::make_unexpected(system_error("lock", name, errno));
  return failure("context file " + path_ + " is in use by another daemon");
}

Result<void> StateFiles::load_snapshot(Seconds now, LoadReport& report, bool& save_now) {
  const auto file = MappedFile::open(path_);
  if (!file) return tl::make_unexpected(file.error());
  if (!file->exists()) return {};
  const ContextContent content = read_context(file->text(), [&](const SavedRecord& record) {
    ++(greylist_.restore_later(record, now) ? report.records : report.expired);
  });
  greylist_.restore_pending();
  // Our own snapshots are in order.
  if (content.form != ContextForm::qmail_greyd) greylist_.sort_by_age();
  snapshot_size_ = file->text().size();
  const bool damaged = !content.damage.empty();
  if (!damaged && content.form == form_) return {};
  const auto kept = damaged ? set_aside(path_, now) : keep_imported(path_);
  if (!kept) return tl::make_unexpected(kept.error());
  save_now = true;
  std::string what = damaged ? content.damage : "is in another form";
  if (!content.remark.empty()) what += " (" + content.remark + ")";
  // Of what is no context file at all nobody knows what was in it.
  if (damaged && content.form) what += ", " + std::to_string(content.lost()) + " records lost";
  report.notes.push_back("context file " + path_ + " " + what + "; it is kept as " + *kept);
  return {};
}

// How much of the file is good, to be appended to.
Result<std::size_t> StateFiles::load_journal(const std::string& path, Seconds now,
                                             LoadReport& report, bool& save_now) {
  const auto file = MappedFile::open(path);
  if (!file) return tl::make_unexpected(file.error());
  if (!file->exists()) return std::size_t{0};
  const JournalContent content =
      read_journal(file->text(), [&](const SavedRecord& change) { greylist_.replay(change, now); });
  report.changes += content.changes;
  if (content.torn > 0) {
    report.notes.push_back("journal " + path + " has a torn end: " + std::to_string(content.torn) +
                           " bytes dropped, of which nothing was answered");
  }
  if (content.damage.empty()) return content.good_size;
  const auto kept = set_aside(path, now);
  if (!kept) return tl::make_unexpected(kept.error());
  save_now = true;
  report.notes.push_back("journal " + path + " " + content.damage + ", " +
                         std::to_string(content.lost) + " changes lost; it is kept as " + *kept);
  return std::size_t{0};
}

// ---- journal -----------------------------------------------------------------------------------

void StateFiles::note(const SavedRecord& change) noexcept {
  const std::size_t whole = changes_.size();
  try {
    append_record(changes_, change);
  } catch (const std::exception&) {
    changes_.resize(whole);  // half a line would swallow the next one
    change_lost_ = true;
  }
}

void StateFiles::commit() {
  if (std::exchange(change_lost_, false) && journal_) {
    journal_failed(system_error("note changes for", journal_path(), ENOMEM));
  }
  if (changes_.empty()) return;
  if (journal_) {
    end_batch(changes_);
    if (const int error = journal_->append(changes_)) {
      journal_failed(system_error("write", journal_path(), error));
    } else if (sync_ == Sync::always && ::fdatasync(journal_->file()->get()) != 0) {
      journal_failed(system_error("sync", journal_path(), errno));
    }
    unsynced_ = true;
  }
  changes_.clear();
}

void StateFiles::try_again_later() {
  if (!next_try_) next_try_ = clock_ + kTryAgain;
}

void StateFiles::journal_failed(const Error& error) {
  report_(Level::error, error.text + "; answering from memory, trying again in a minute");
  journal_.reset();
  try_again_later();
}

void StateFiles::tick(Seconds monotonic) {
  clock_ = monotonic;
  if (sync_ == Sync::second && journal_ && unsynced_ && !syncing_) {
    unsynced_ = false;
    syncing_ = true;
    background_.run([file = journal_->file()] { return ::fdatasync(file->get()) == 0 ? 0 : errno; },
                    [this](int error) {
                      syncing_ = false;
                      if (error != 0 && journal_)
                        journal_failed(system_error("sync", journal_path(), error));
                    });
  }
  const bool outgrown = journal_ && journal_->size() > std::max(snapshot_size_, kSmallJournal);
  if (next_try_ ? clock_ >= *next_try_ : outgrown || (save_again_ && !saving_)) {
    next_try_.reset();
    start_save();
  }
}

// Makes room for a new journal that starts now. False when there can be none.
bool StateFiles::rotate_journal() {
  std::size_t keep = 0;
  if (::access(old_journal_path().c_str(), F_OK) != 0) {
    if (::rename(journal_path().c_str(), old_journal_path().c_str()) != 0 && errno != ENOENT) {
      journal_failed(system_error("rename", journal_path(), errno));
      return false;
    }
  } else {
    // The last snapshot failed: its journal still counts, and so the one after it goes on.
    if (journal_) return true;
    struct stat status {};
    if (::stat(journal_path().c_str(), &status) == 0) keep = std::size_t(status.st_size);
  }
  journal_.reset();
  auto journal = Journal::open(journal_path(), keep);
  if (!journal) {
    journal_failed(journal.error());
    return false;
  }
  journal_ = std::move(*journal);
  return true;
}

// ---- snapshot ----------------------------------------------------------------------------------

void StateFiles::start_save() {
  if (saving_) {
    save_again_ = true;
    return;
  }
  save_again_ = false;
  commit();
  if (!rotate_journal()) return;
  auto file = create_new(new_path());
  if (!file) {
    save_failed(file.error());
    return;
  }
  new_file_ = std::make_shared<const Fd>(std::move(*file));
  composer_ = std::make_unique<ContextComposer>(form_);
  composer_->begin();
  greylist_.start_walk();
  saving_ = true;
  walk_done_ = false;
  write_error_ = 0;
  written_ = 0;
}

void StateFiles::save_slice(std::size_t limit) {
  if (!saving_ || writing_) return;
  if (!journal_) {  // has failed and said so: what changed since is not on disk
    end_save();
  } else if (write_error_ != 0) {
    save_failed(system_error("write", new_path(), write_error_));
  } else if (walk_done_) {
    finish_save();
  } else {
    walk_done_ = !greylist_.walk(limit, [&](const SavedRecord& record) { composer_->add(record); });
    if (walk_done_) composer_->finish();
    if (walk_done_ || composer_->buffered() >= kPart) write_part();
  }
}

void StateFiles::write_part() {
  writing_ = true;
  // The buffer stays as it is until the next take_buffer(), which waits for `writing_` to end.
  const std::string_view part = composer_->take_buffer();
  written_ += part.size();
  background_.run([file = new_file_, part] { return write_all(file->get(), part); },
                  [this](int error) {
                    writing_ = false;
                    write_error_ = error;
                  });
}

void StateFiles::finish_save() {
  writing_ = true;
  background_.run(
      [file = new_file_, journal = journal_->file(), new_path = new_path(), path = path_,
       old = old_journal_path()] {
        // What the snapshot left to the new journal must be there before the old one goes.
        if (::fdatasync(journal->get()) != 0) return errno;
        if (const int error = put_in_place(file->get(), new_path, path)) return error;
        ::unlink(old.c_str());
        return 0;
      },
      [this](int error) {
        writing_ = false;
        if (error != 0) {
          save_failed(system_error("save", new_path(), error));
          return;
        }
        snapshot_size_ = written_;
        next_try_.reset();
        report_(Level::info,
                "saved " + std::to_string(composer_->records()) + " records in " + path_);
        end_save();
      });
}

void StateFiles::end_save() {
  saving_ = false;
  new_file_.reset();
  composer_.reset();
}

void StateFiles::save_failed(const Error& error) {
  ::unlink(new_path().c_str());
  report_(Level::error, error.text + "; trying again in a minute");
  try_again_later();
  end_save();
}

Result<std::size_t> StateFiles::save_all() {
  commit();
  background_.drain();
  end_save();
  const auto file = create_new(new_path());
  if (!file) return tl::make_unexpected(file.error());
  ContextComposer composer(form_);
  int error = 0;
  std::size_t size = 0;
  const auto write_buffer = [&] {
    const std::string_view part = composer.take_buffer();
    size += part.size();
    if (error == 0) error = write_all(file->get(), part);
  };
  composer.begin();
  greylist_.for_each([&](const SavedRecord& record) {
    composer.add(record);
    if (composer.buffered() >= kPart) write_buffer();
  });
  composer.finish();
  write_buffer();
  if (error == 0) error = put_in_place(file->get(), new_path(), path_);
  if (error != 0) {
    ::unlink(new_path().c_str());
    return tl::make_unexpected(system_error("save", new_path(), error));
  }
  snapshot_size_ = size;
  journal_.reset();
  ::unlink(old_journal_path().c_str());
  ::unlink(journal_path().c_str());
  return composer.records();
}

}  // namespace grey
