// The start of StateFiles: what is on the disk is read, and what is not as it should be is kept.
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "greyd/base/files.h"
#include "greyd/base/mapped_file.h"
#include "greyd/state/journal_text.h"
#include "greyd/state/kept_files.h"
#include "greyd/state/state_files.h"
#include "greyd/state/state_place.h"

namespace grey {
namespace {

// What is not known is not counted: where a count's own line may be damaged, it is quoted.
std::string loss_text(const ContextContent& content) {
  const std::string read = std::to_string(content.records);
  if (content.announced) {
    return read + " of the " + std::to_string(*content.announced) +
           " records that its end names are read";
  }
  if (content.bad > 0) return "at least " + std::to_string(content.bad) + " records lost";
  return read + " records read, how many are lost is not known";
}

// As far as is known.
std::size_t lost_records(const ContextContent& content) {
  const std::size_t announced = content.announced.value_or(0);
  return std::max(content.bad, announced - std::min(announced, content.records));
}

std::string torn_text(const JournalContent& content, Sync sync) {
  std::string text = "has a torn end: " + std::to_string(content.torn) + " bytes dropped";
  if (!content.ending.empty()) text += ", the whole lines before them are read";
  // Under the others the last second, or more, was not on the disk when it was answered.
  return text + (sync == Sync::always ? "; nothing of it was answered"
                                      : "; nothing of it was answered, unless the power was cut");
}

}  // namespace

Result<LoadReport> StateFiles::load(Seconds now) {
  LoadReport report;
  bool save_now = false;
  if (progress_) progress_();
  const auto held = lock_.hold();
  if (!held && lock_.refused()) return tl::make_unexpected(held.error());
  if (auto loaded = load_files(now, report, save_now); !loaded) {
    return tl::make_unexpected(loaded.error());
  }
  greylist_.note_changes_in(&journal_);
  const auto started = held ? start_journal(save_now) : held;
  if (started) return report;
  if (journal_.on()) {
    save_failed([&] { return started.error(); });
  } else {
    journal_failed([&] { return started.error(); });
  }
  return report;
}

Result<void> StateFiles::load_files(Seconds now, LoadReport& report, bool& save_now) {
  if (auto loaded = load_snapshot(now, report, save_now); !loaded) return loaded;
  const auto old = load_journal(journal_.old_path(), now, report, save_now);
  if (!old) return tl::make_unexpected(old.error());
  journal_.found_old();
  const auto last = load_journal(journal_.path(), now, report, save_now);
  if (!last) return tl::make_unexpected(last.error());
  journal_.found(*last);
  return {};
}

Result<void> StateFiles::load_snapshot(Seconds now, LoadReport& report, bool& save_now) {
  const auto file = MappedFile::open(path_);
  if (!file) return tl::make_unexpected(file.error());
  if (file->exists()) snapshot_id_ = file_id(path_);
  // Nothing to remember is an empty file in a form that has neither header nor end.
  if (file->text().empty() && (!file->exists() || form_ == ContextForm::greydaemon)) return {};
  const ContextContent content = read_context(file->text(), [&](const SavedRecord& record) {
    ++(greylist_.restore_later(record, now) ? report.records : report.expired);
    count_step();
  });
  greylist_.restore_pending();
  // Our own snapshots are in order.
  if (content.form != ContextForm::qmail_greyd) greylist_.sort_by_age();
  snapshot_size_ = file->text().size();
  const bool damaged = !content.damage.empty();
  if (!damaged && content.form == form_) return {};
  std::string what = damaged ? content.damage : "is in another form";
  if (!content.remark.empty()) what += " (" + content.remark + ")";
  // Of what is no context file at all nobody knows what was in it.
  if (damaged && content.form) what += ", " + loss_text(content);
  if (damaged) counters_.lost_records += lost_records(content);
  const std::string family = path_ + (damaged ? ".damaged." : ".imported");
  keep({path_, damaged ? family + std::to_string(now) : family, family},
       "context file " + path_ + " " + what, report);
  save_now = true;
  return {};
}

Result<JournalContent> StateFiles::load_journal(const std::string& path, Seconds now,
                                                LoadReport& report, bool& save_now) {
  const auto file = MappedFile::open(path);
  if (!file) return tl::make_unexpected(file.error());
  if (!file->exists()) return JournalContent();
  JournalContent content = read_journal(file->text(), [&](const SavedRecord& change) {
    greylist_.replay(change, now);
    count_step();
  });
  report.changes += content.changes;
  if (content.damage.empty()) {
    if (content.torn > 0 || !content.ending.empty()) {
      report.notes.push_back("journal " + path + " " + torn_text(content, sync_));
    }
    return content;
  }
  std::string what = "journal " + path + " " + content.damage;
  if (content.bad > 0) what += ", " + std::to_string(content.bad) + " lines cannot be read";
  counters_.lost_changes += content.bad;
  what += "; changes that were answered may be lost";
  // Of both journals: the start of a save makes the one the other.
  const std::string family = journal_.path() + ".damaged.";
  keep({path, family + std::to_string(now), family}, std::move(what), report);
  save_now = true;
  return content;
}

// Notes what is wrong with the file, and where it is kept, if it can be.
void StateFiles::keep(ToKeep file, std::string what, LoadReport& report) {
  Result<std::string> kept = tl::make_unexpected(Error{});
  // Without the lock nothing is written.
  if (lock_.held()) kept = keep_aside(file.path, file.name, file.family);
  if (kept) {
    what += "; it is kept as " + *kept;
  } else {
    what += "; it stays until it can be kept under another name";
    to_keep_.push_back(std::move(file));
  }
  report.notes.push_back(std::move(what));
}

// After an error the journal may be on: then it is snapshots that cannot be written.
Result<void> StateFiles::start_journal(bool save_now) {
  if (save_now) {
    if (auto saved = save_all(); !saved) return tl::make_unexpected(saved.error());
    return journal_.start_anew();
  }
  if (auto on = journal_.go_on(); !on) return on;
  // Said at once, and not at the first save.
  if (auto probe = create_state_file(new_path()); !probe) {
    return tl::make_unexpected(probe.error());
  }
  ::unlink(new_path().c_str());
  return {};
}

}  // namespace grey
