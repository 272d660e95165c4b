// NAME.journal and NAME.journal.old (state_files.h): what is noted goes into the one, and the start
// of a snapshot turns it into the other.
//
// It is on or off. Off is what any fault makes it: what is noted then is in memory alone, until
// begin() and a snapshot after that. It never goes on behind half a line, never cuts off what it
// does not know, and never takes a file for its own that has come to one of the names by itself.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "greyd/core/changes.h"
#include "greyd/state/journal.h"
#include "greyd/state/journal_text.h"
#include "greyd/state/sync.h"

namespace grey {

class JournalFiles : public Changes {
 public:
  JournalFiles(const std::string& name, Sync sync);

  // How many changes no journal has, as it was off: in all.
  std::uint64_t left_out() const { return left_out_; }

  const std::string& path() const { return path_; }
  const std::string& old_path() const { return old_path_; }
  bool on() const { return journal_.has_value(); }
  std::size_t size() const { return journal_ ? journal_->size() : 0; }

  // Holds the change until commit(); many of them are written before that, so that the memory for
  // them is bounded.
  void note(const SavedRecord& change) noexcept override;
  // What a system call would not do.
  struct Fault {
    const char* verb;
    int number;  // an errno
  };
  // What was noted is in the journal, and under `always` on the disk, when this returns without a
  // fault. A fault since the last call has turned the journal off.
  std::optional<Fault> commit() noexcept;

  // What a start has found at either path; to be told before go_on() and begin().
  void found(const JournalContent& content);
  void found_old();
  // On, behind what found() was told of. REQUIRES: that was not damaged.
  Result<void> go_on();
  // On, with what is noted from now on apart from what was before, or behind it where the last
  // snapshot has failed. After an error it may be on as before. A file of unknown origin that is in
  // the way is given another name, which `moved` is told.
  Result<void> begin(std::vector<std::string>& moved);
  // On, and empty: a snapshot has everything.
  Result<void> start_anew();
  void turn_off() noexcept;

  // nullptr while the open journal is the file of its name. Otherwise it is off now, and these are
  // the words to put behind the name.
  const char* check_name();

  // Work for the background: the sync that is due under `second`. Empty when none is.
  std::function<int()> take_sync();
  // Work for the background: syncs what a snapshot that is put in place now leaves to the journal.
  // REQUIRES: on().
  std::function<int()> sync_for_snapshot() const;
  // The snapshot is in place.
  void forget_old();
  // A snapshot has everything. What is left of the names is removed. 0 or an errno.
  int remove();

 private:
  void flush();
  int sync_now() noexcept;  // 0 or an errno
  void fault(const char* verb, int number) noexcept;
  Result<void> reopen();
  Result<void> move_foreign(const std::string& path, const std::optional<FileId>& mine,
                            std::vector<std::string>& moved);
  void take(Journal journal);

  const std::string path_, old_path_;
  const Sync sync_;
  std::string changes_;                     // noted, not written
  std::uint64_t noted_ = 0, left_out_ = 0;  // of these; in all
  std::optional<Journal> journal_;
  std::optional<Fault> fault_;  // not told yet

  // Of the file at path_ while it is off, and of the one at old_path_.
  std::optional<FileId> last_id_, old_id_;
  std::size_t good_size_ = 0;
  bool damaged_ = false;
  std::string ending_;  // what its good part lacks

  bool unsynced_ = false;                                  // journal_ has what is not synced
  std::vector<std::shared_ptr<const Fd>> unsynced_files_;  // others that may
  bool names_unsynced_ = false;                            // the directory has
};

}  // namespace grey
