// Keeps a Greylist's state on disk: a snapshot (the context file) and a journal of what has changed
// since.
//
//   NAME               the last whole snapshot, context_text.h
//   NAME.new           the one being written; renamed to NAME when whole and synced
//   NAME.journal       changes, journal_text.h; appended to before each answer goes out
//   NAME.lock          held while a daemon runs: two on one state would each undo the other
//   NAME.journal.old   while a snapshot is being written: the changes before it began
//
// A snapshot is written in slices between batches. It need not be of one moment: a record that
// changes meanwhile is in NAME.journal, which starts as the snapshot does, and every line there
// says what a record is, not what was done to it. So the last snapshot and both journals in their
// order are the state at any moment, wherever the daemon dies. (The other way, a forked child, was
// measured and left: see COST.md.)
//
// Nothing here stops the daemon, neither at its start nor later. When the disk refuses, or a file
// goes from its name, it answers from memory, says so, and tries again each minute: a whole
// snapshot makes good what the journal could not take (save_cycle.h). No exception leaves a
// function here but for the constructor and load().
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "greyd/base/background.h"
#include "greyd/base/counters.h"
#include "greyd/base/error.h"
#include "greyd/core/greylist.h"
#include "greyd/state/context_text.h"
#include "greyd/state/journal_files.h"
#include "greyd/state/save_cycle.h"
#include "greyd/state/state_lock.h"

namespace grey {

// What a start found.
struct LoadReport {
  std::size_t records = 0;         // from the snapshot
  std::size_t expired = 0;         // of the snapshot, left out
  std::size_t changes = 0;         // from the journals
  std::vector<std::string> notes;  // one line for each thing that was not as it should be
};

class StateFiles {
 public:
  enum class Level { info, notice, warning, error };  // notice: what an operator may not expect
  using Report = std::function<void(Level, const std::string&)>;

  // `path` is NAME. `greylist` and `background` must outlive this. `report` is called at most a few
  // times a minute.
  StateFiles(std::string path, ContextForm form, Sync sync, Greylist& greylist,
             Background& background, Report report, StateCounters& counters);
  ~StateFiles();
  StateFiles(const StateFiles&) = delete;
  StateFiles& operator=(const StateFiles&) = delete;

  // `tell` is called again and again while load() or save_all() come further, which may take long.
  void tell_progress(std::function<void()> tell) { progress_ = std::move(tell); }

  // Reads snapshot and journals into the greylist and starts journaling. A file that is damaged
  // gets a second name, NAME.damaged.<now> (or NAME.journal.damaged.<now>), one in another
  // program's form NAME.imported; then a new snapshot is written, and only with that the file is
  // replaced, so that what could be read of it is on the disk at every moment. Where nothing can be
  // written, that is reported and tried again as later on. An error when another daemon has these
  // files, or when one is there but cannot be read: the daemon should not start.
  Result<LoadReport> load(Seconds now);

  // Puts the changes since the last call into the journal. To be called before answers go out.
  void commit();

  // Starts a snapshot; when one is being written, another after it.
  void start_save();
  bool saving() const { return cycle_.saving(); }
  // Is every change on the disk before it is answered? Else some are in memory alone.
  bool journaling() const { return journal_.on() && !cycle_.has_lost(); }
  // Writes up to `limit` records of it. To be called again while saving(); it may do nothing, while
  // the disk is busy with the last part.
  void save_slice(std::size_t limit);
  // A whole snapshot at once, for the end; what start_save began is given up. Removes the journals.
  // Where the directory was moved away, and what is there now cannot be written to (the sandbox),
  // it goes along with the directory, and the error says so.
  Result<std::size_t> save_all();

  // To be called about once a second with a clock that does not jump: syncs the journal, sees that
  // the files have their names, tries again what failed a minute ago, starts a snapshot when the
  // journal has outgrown the last one.
  void tick(Seconds monotonic);

 private:
  // A file to be kept under a second name before it is replaced or removed.
  struct ToKeep {
    std::string path, name, family;  // see keep_aside()
  };
  // A snapshot being written. Shared with the background, which may be at a part of it when it is
  // given up.
  struct Snapshot {
    Fd file;
    ContextComposer composer;
    bool walked = false;   // composed to its end
    bool writing = false;  // a part of it is with the background
    int error = 0;         // of writing
    std::size_t written = 0;
    std::size_t unsynced = 0;  // bytes of it
  };

  // state_load.cc
  Result<void> load_files(Seconds now, LoadReport& report, bool& save_now);
  Result<void> load_snapshot(Seconds now, LoadReport& report, bool& save_now);
  Result<JournalContent> load_journal(const std::string& path, Seconds now, LoadReport& report,
                                      bool& save_now);
  void check_snapshot();
  Result<void> hold_lock();
  void keep(ToKeep file, std::string what, LoadReport& report);
  Result<void> start_journal(bool save_now);

  void begin_save();
  Result<void> prepare_save();
  Result<void> keep_all();
  void write_slice(std::size_t limit);
  void write_part();
  void close_snapshot();
  void snapshot_closed(int error);
  void drop_snapshot() noexcept;
  void remove_new() noexcept;
  Result<std::size_t> write_whole();
  Result<std::size_t> write_snapshot(const std::string& path);
  Result<std::size_t> save_where_moved(const Error& error);
  bool check_names();
  void sync_journal();

  // What has failed is noted first, and put into words by `error()` last: there may be no memory
  // for them, and then the next minute has some.
  template <typename MakeText>
  void say(Level level, MakeText text) const noexcept {
    try {
      report_(level, text());
    } catch (const std::exception&) {
      return;
    }
  }
  template <typename MakeError>
  void save_failed(MakeError error) noexcept {
    drop_snapshot();
    cycle_.failed();
    ++counters_.save_failures;
    say(Level::error, [&] { return error().text + "; trying again in a minute"; });
  }
  // Changes are in memory alone from now on.
  template <typename MakeError>
  void journal_failed(MakeError error, bool soon = false) noexcept {
    journal_.turn_off();
    ++counters_.journal_failures;
    soon = cycle_.lost(soon);
    if (!cycle_.saving()) drop_snapshot();
    say(Level::error, [&] {
      return error().text +
             (soon ? "; saving all anew" : "; answering from memory, trying again in a minute");
    });
  }
  void count_step() {
    if (++steps_ % kProgressSteps == 0 && progress_) progress_();
  }
  std::string new_path() const { return path_ + ".new"; }

  static constexpr std::size_t kProgressSteps = 4096;  // records: some milliseconds

  const std::string path_;
  const ContextForm form_;
  const Sync sync_;
  Greylist& greylist_;
  Background& background_;
  const Report report_;
  StateCounters& counters_;

  StateLock lock_;
  JournalFiles journal_;
  SaveCycle cycle_;
  std::vector<ToKeep> to_keep_;
  std::function<void()> progress_;
  std::size_t steps_ = 0;
  bool syncing_ = false;
  std::optional<FileId> snapshot_id_;  // of what is at path_, as far as we know
  bool directory_gone_ = false;
  std::size_t snapshot_size_ = 0;

  std::shared_ptr<Snapshot> snapshot_;  // being written
  Greylist::Walk walk_;                 // of that
};

}  // namespace grey
