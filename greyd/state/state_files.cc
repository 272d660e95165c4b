#include "greyd/state/state_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

#include "greyd/base/files.h"
#include "greyd/state/kept_files.h"
#include "greyd/state/state_place.h"

namespace grey {
namespace {

constexpr std::size_t kPart = std::size_t{1} << 18;           // bytes of a snapshot written at once
constexpr std::size_t kSyncedPart = std::size_t{4} << 20;     // and synced
constexpr std::size_t kSmallJournal = std::size_t{32} << 20;  // brings no save forward

// Makes a written snapshot the one that counts. 0 or an errno.
int put_in_place(int fd, const std::string& new_path, const std::string& path) {
  if (::fsync(fd) != 0) return errno;
  if (::rename(new_path.c_str(), path.c_str()) != 0) return errno;
  return sync_parent(path);
}

}  // namespace

StateFiles::StateFiles(std::string path, ContextForm form, Sync sync, Greylist& greylist,
                       Background& background, Report report, StateCounters& counters)
    : path_(std::move(path)),
      form_(form),
      sync_(sync),
      greylist_(greylist),
      background_(background),
      report_(std::move(report)),
      counters_(counters),
      lock_(path_),
      journal_(path_, sync),
      walk_(greylist) {}

StateFiles::~StateFiles() {
  background_.drain();  // what it still does refers to this
  greylist_.note_changes_in(nullptr);
}

// ---- journal -----------------------------------------------------------------------------------

void StateFiles::commit() {
  if (const auto fault = journal_.commit()) {
    journal_failed([&] { return system_error(fault->verb, journal_.path(), fault->number); });
  }
  counters_.unjournaled = journal_.left_out();
}

// What has gone from its name, nobody will find. False after a fault that the next attempt will
// not do away with.
bool StateFiles::check_names() {
  if (!journal_.on()) return true;  // the next attempt looks for itself
  if (!lock_.held()) {
    if (const auto held = hold_lock(); !held) {
      journal_failed([&] { return held.error(); });
      return false;
    }
    say(Level::error, [&] { return lock_.path() + " was gone or replaced; it is made anew"; });
  }
  if (const char* const fault = journal_.check_name()) {
    journal_failed([&] { return Error{"journal " + journal_.path() + fault}; }, true);
  } else if (snapshot_id_ && !saving()) {
    check_snapshot();
  }
  return true;
}

void StateFiles::check_snapshot() {
  const auto there = file_id(path_);
  if (there == snapshot_id_ || (!there && errno != ENOENT)) return;
  snapshot_id_.reset();
  cycle_.lost(true);
  if (!there) {
    say(Level::error, [&] { return "context file " + path_ + " is gone; saving all anew"; });
    return;
  }
  // Somebody's, who may want it back: it would be replaced.
  say(Level::error, [&] {
    const auto kept = keep_aside(path_, path_ + ".found", path_ + ".found");
    return "context file " + path_ + " is another than was saved" +
           (kept ? ", and kept as " + *kept : "") + "; saving all anew";
  });
}

Result<void> StateFiles::hold_lock() {
  auto held = lock_.hold();
  directory_gone_ = !held && !file_id(directory_of(path_));
  return held;
}

void StateFiles::sync_journal() {
  if (syncing_) return;
  const auto failed = [this](int error) {
    journal_failed([&] { return system_error("sync", journal_.path(), error); });
  };
  try {
    auto work = journal_.take_sync();
    if (!work) return;
    syncing_ = true;
    background_.run(std::move(work), [this, failed](int error) {
      syncing_ = false;
      if (error != 0 && journal_.on()) failed(error);
    });
  } catch (const std::exception&) {
    syncing_ = false;
    failed(ENOMEM);
  }
}

void StateFiles::tick(Seconds monotonic) {
  cycle_.tick(monotonic);
  if (directory_gone_ && file_id(directory_of(path_))) {
    directory_gone_ = false;
    cycle_.lost(true);
  }
  commit();
  check_names();
  sync_journal();
  const bool outgrown = journal_.size() > std::max(snapshot_size_, kSmallJournal);
  if (cycle_.due() || (outgrown && !saving() && !cycle_.retrying())) begin_save();
}

// ---- snapshot ----------------------------------------------------------------------------------

void StateFiles::start_save() {
  if (cycle_.ask()) begin_save();
}

void StateFiles::begin_save() {
  commit();
  if (!check_names()) return;
  Result<void> prepared;
  try {
    prepared = prepare_save();
  } catch (const std::exception&) {
    prepared = tl::make_unexpected(Error{"no memory"});  // in place: the word is short
  }
  if (prepared) {
    walk_.start();
    cycle_.begun();
  } else if (journal_.on()) {
    save_failed([&] { return prepared.error(); });
  } else {
    journal_failed([&] { return prepared.error(); });
  }
}

// All that must be before the walk begins. After an error the journal may be on, as it was before.
Result<void> StateFiles::prepare_save() {
  if (auto held = hold_lock(); !held) {
    journal_.turn_off();
    return held;
  }
  if (auto kept = keep_all(); !kept) return kept;
  std::vector<std::string> moved;
  const auto begun = journal_.begin(moved);
  for (const std::string& text : moved) say(Level::error, [&] { return text; });
  if (!begun) return begun;
  auto file = create_state_file(new_path());
  if (!file) return tl::make_unexpected(file.error());
  snapshot_.reset(new Snapshot{std::move(*file), ContextComposer(form_)});
  snapshot_->composer.begin();
  return {};
}

Result<void> StateFiles::keep_all() {
  while (!to_keep_.empty()) {
    const ToKeep& next = to_keep_.back();
    const auto kept = keep_aside(next.path, next.name, next.family);
    if (!kept) return tl::make_unexpected(kept.error());
    say(Level::error, [&] { return next.path + " is kept as " + *kept; });
    to_keep_.pop_back();
  }
  return {};
}

void StateFiles::save_slice(std::size_t limit) {
  if (!saving() || !snapshot_ || snapshot_->writing) return;
  try {
    write_slice(limit);
  } catch (const std::exception&) {
    // A record may be half written, or left out: that is no snapshot.
    greylist_.give_up_spare();
    save_failed([this] { return system_error("write", new_path(), ENOMEM); });
  }
}

void StateFiles::write_slice(std::size_t limit) {
  if (snapshot_->error != 0) {
    const int error = snapshot_->error;
    save_failed([&] { return system_error("write", new_path(), error); });
  } else if (snapshot_->walked) {
    close_snapshot();
  } else {
    ContextComposer& composer = snapshot_->composer;
    snapshot_->walked =
        !walk_.visit(limit, [&](const SavedRecord& record) { composer.add(record); });
    if (snapshot_->walked) composer.finish();
    if (snapshot_->walked || composer.buffered() >= kPart) write_part();
  }
}

void StateFiles::write_part() {
  // The text stays as it is until the next take_buffer(), which waits for `writing` to end.
  const std::string_view part = snapshot_->composer.take_buffer();
  snapshot_->written += part.size();
  snapshot_->unsynced += part.size();
  // Bit by bit, so that a sync of the journal never waits for that of a whole snapshot.
  const bool sync = snapshot_->unsynced >= kSyncedPart;
  if (sync) snapshot_->unsynced = 0;
  snapshot_->writing = true;
  background_.run(
      [snapshot = snapshot_, part, sync] {
        if (const int error = write_all(snapshot->file.get(), part)) return error;
        return sync && ::fdatasync(snapshot->file.get()) != 0 ? errno : 0;
      },
      [snapshot = snapshot_](int error) {
        snapshot->writing = false;
        snapshot->error = error;
      });
}

void StateFiles::close_snapshot() {
  snapshot_->writing = true;
  cycle_.closing();
  background_.run(
      [snapshot = snapshot_, sync_journal = journal_.sync_for_snapshot(), new_path = new_path(),
       path = path_, old = journal_.old_path()] {
        // What the snapshot left to the new journal must be there before the old one goes.
        if (const int error = sync_journal()) return error;
        if (const int error = put_in_place(snapshot->file.get(), new_path, path)) return error;
        // Nor must that come back: it lacks what was lost before this snapshot.
        return ::unlink(old.c_str()) == 0 ? sync_parent(path) : 0;
      },
      [this](int error) { snapshot_closed(error); });
}

void StateFiles::snapshot_closed(int error) {
  if (error != 0) {
    save_failed([&] { return system_error("save", new_path(), error); });
    return;
  }
  const auto closed = std::move(snapshot_);
  snapshot_id_ = file_id(path_);
  snapshot_size_ = closed->written;
  journal_.forget_old();
  cycle_.finished();
  ++counters_.saved;
  say(Level::info, [&] {
    return "saved " + std::to_string(closed->composer.records()) + " records in " + path_;
  });
}

void StateFiles::drop_snapshot() noexcept {
  if (std::exchange(snapshot_, nullptr)) remove_new();
}

void StateFiles::remove_new() noexcept {
  try {
    ::unlink(new_path().c_str());
  } catch (const std::exception&) {
    return;  // the next one is written over it
  }
}

// ---- a whole snapshot --------------------------------------------------------------------------

Result<std::size_t> StateFiles::save_all() {
  commit();
  try {
    background_.drain();
  } catch (const std::exception&) {
    // Another's work, which could not be told of; all of it is done.
  }
  drop_snapshot();
  if (saving()) cycle_.failed();
  Result<std::size_t> records = tl::make_unexpected(Error{"no memory"});  // in place: it is short
  if (progress_) progress_();
  for (int attempt = 0; attempt < 2; ++attempt) {
    try {
      records = write_whole();
      break;
    } catch (const std::exception&) {
      greylist_.give_up_spare();  // that may be enough; else that is what it says
    }
  }
  if (records) return records;
  ++counters_.save_failures;
  remove_new();
  if (!journal_.on()) cycle_.lost();
  return records;
}

Result<std::size_t> StateFiles::write_whole() {
  if (auto held = lock_.hold(); !held) {
    if (lock_.refused()) return tl::make_unexpected(held.error());
    if (!lock_.moved_to().empty()) return save_where_moved(held.error());
  }
  if (auto kept = keep_all(); !kept) return tl::make_unexpected(kept.error());
  const auto records = write_snapshot(path_);
  if (!records) return records;
  snapshot_id_ = file_id(path_);
  ++counters_.saved;
  cycle_.all_saved();
  if (const int error = journal_.remove()) {
    return tl::make_unexpected(system_error("save", new_path(), error));
  }
  return records;
}

// The journals that are there say what was before.
Result<std::size_t> StateFiles::save_where_moved(const Error& error) {
  const std::string moved = lock_.moved_to();
  const auto records = write_snapshot(moved);
  if (!records) return tl::make_unexpected(error);
  for (const char* journal : {".journal.old", ".journal"}) ::unlink((moved + journal).c_str());
  (void)sync_parent(moved);
  return tl::make_unexpected(Error{error.text + "; all " + std::to_string(*records) +
                                       " records are in " + moved +
                                       " instead: its directory was moved away",
                                   error.exit_code});
}

Result<std::size_t> StateFiles::write_snapshot(const std::string& path) {
  const std::string temporary = path + ".new";
  const auto file = create_state_file(temporary);
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
    count_step();
  });
  composer.finish();
  write_buffer();
  if (error == 0) error = put_in_place(file->get(), temporary, path);
  if (error != 0) return tl::make_unexpected(system_error("save", temporary, error));
  snapshot_size_ = size;
  return composer.records();
}

}  // namespace grey
