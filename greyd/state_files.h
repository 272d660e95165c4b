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
// Nothing here stops the daemon. When the disk refuses, it answers from memory, says so, and tries
// again each minute: a whole snapshot makes good what the journal could not take.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "greyd/background.h"
#include "greyd/changes.h"
#include "greyd/context_text.h"
#include "greyd/error.h"
#include "greyd/greylist.h"
#include "greyd/journal.h"

namespace grey {

// When what has been answered is safe from a power cut (from the death of the daemon it always is):
// before the answer, within a second, or when the system pleases.
enum class Sync : std::uint8_t { always, second, never };

// What a start found.
struct LoadReport {
  std::size_t records = 0;         // from the snapshot
  std::size_t expired = 0;         // of the snapshot, left out
  std::size_t changes = 0;         // from the journals
  std::vector<std::string> notes;  // one line for each thing that was not as it should be
};

class StateFiles : private Changes {
 public:
  enum class Level { info, notice, error };  // notice: what an operator may not expect
  using Report = std::function<void(Level, const std::string&)>;

  // `path` is NAME. `greylist` and `background` must outlive this. `report` is called at most a few
  // times a minute.
  StateFiles(std::string path, ContextForm form, Sync sync, Greylist& greylist,
             Background& background, Report report);
  ~StateFiles() override;
  StateFiles(const StateFiles&) = delete;
  StateFiles& operator=(const StateFiles&) = delete;

  // Reads snapshot and journals into the greylist and starts journaling. Files that are damaged are
  // set aside as NAME.damaged.<now> (or NAME.journal.damaged.<now>), a snapshot in another
  // program's form is kept as NAME.imported, and in both cases a new snapshot is written at once.
  // An error when another daemon has these files, when one is there but cannot be read or put
  // aside, or when the journal cannot be written: the daemon should not start.
  Result<LoadReport> load(Seconds now);

  // Puts the changes since the last call into the journal. To be called before answers go out.
  void commit();

  // Starts a snapshot; when one is being written, another after it.
  void start_save();
  bool saving() const { return saving_; }
  // Writes up to `limit` records of it. To be called again while saving(); it may do nothing, while
  // the disk is busy with the last part.
  void save_slice(std::size_t limit);
  // A whole snapshot at once, for the end; what start_save began is given up. Removes the journals.
  Result<std::size_t> save_all();

  // To be called about once a second with a clock that does not jump: syncs the journal, tries
  // again what failed a minute ago, starts a snapshot when the journal has outgrown the last one.
  void tick(Seconds monotonic);

 private:
  void note(const SavedRecord& change) noexcept override;
  Result<void> lock();
  Result<void> load_snapshot(Seconds now, LoadReport& report, bool& save_now);
  Result<std::size_t> load_journal(const std::string& path, Seconds now, LoadReport& report,
                                   bool& save_now);
  bool rotate_journal();
  void write_part();
  void finish_save();
  void end_save();
  void save_failed(const Error& error);
  void journal_failed(const Error& error);
  void try_again_later();
  std::string new_path() const { return path_ + ".new"; }
  std::string journal_path() const { return path_ + ".journal"; }
  std::string old_journal_path() const { return path_ + ".journal.old"; }

  const std::string path_;
  const ContextForm form_;
  const Sync sync_;
  Greylist& greylist_;
  Background& background_;
  const Report report_;

  Fd lock_;
  std::string changes_;             // noted by the greylist since the last commit
  bool change_lost_ = false;        // there was no memory for one of them
  std::optional<Journal> journal_;  // absent: not writable at the moment
  bool unsynced_ = false;
  bool syncing_ = false;
  Seconds clock_ = 0;                // of the last tick
  std::optional<Seconds> next_try_;  // after a failure: when, by that clock
  std::size_t snapshot_size_ = 0;

  // The snapshot being written.
  bool saving_ = false;
  bool save_again_ = false;
  bool writing_ = false;  // a part of it is with `background_`
  bool walk_done_ = false;
  int write_error_ = 0;
  std::shared_ptr<const Fd> new_file_;
  std::unique_ptr<ContextComposer> composer_;
  std::size_t written_ = 0;
};

}  // namespace grey
