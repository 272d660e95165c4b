// The entries that are in force (core/entries.h), on the disk and in the lists.
//
// A change is on the disk before it is in force, and in force before whoever made it is told. It is
// written by the background; what comes meanwhile is written next, together.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "greyd/base/background.h"
#include "greyd/core/entries.h"
#include "greyd/lists/lists.h"

namespace grey {

class EntriesKeeper {
 public:
  // Makes a change of the entries. An error: it was none, and nothing has changed.
  using Change = std::function<Result<void>(Entries&)>;
  using Done = std::function<void(const Result<void>&)>;

  // `path`: see state/entries_file.h. `background` must outlive it.
  EntriesKeeper(std::string path, Background& background);
  ~EntriesKeeper();
  EntriesKeeper(const EntriesKeeper&) = delete;
  EntriesKeeper& operator=(const EntriesKeeper&) = delete;

  // As load_entries() has it.
  Result<void> load(Seconds now, std::string& note);
  // `done` is told the outcome, in this call or later. Not where this has gone by then.
  void change(Change change, Done done);
  // Takes out what is over. How many.
  std::size_t expire(Seconds now);

  const Entries& entries() const { return entries_; }
  // The part of the lists that is ours.
  void put_in(Lists& lists) const;
  // Those lists have changed: put_in() is to be called.
  void on_change(std::function<void()> callback) { on_change_ = std::move(callback); }
  // The entry of that kind that has matched; nullptr when it is none of ours.
  const Entry* entry_of(Entry::Kind kind, const Matched& matched) const;

 private:
  struct Waiting {
    Change change;
    Done done;
  };

  struct Next;
  void write();
  void start(const std::shared_ptr<Next>& next);
  void written(Next& next);
  void take(Entries entries);
  void take(Entries entries, Entries::List allowed, Entries::List blocked);

  const std::string path_;
  Background& background_;
  Entries entries_;
  Entries::List allowed_, blocked_;
  std::vector<Waiting> waiting_;
  bool writing_ = false;
  std::optional<Seconds> next_end_;  // of any
  std::function<void()> on_change_ = [] {};
  // Who is called back by the background may find us gone.
  std::shared_ptr<EntriesKeeper*> self_ = std::make_shared<EntriesKeeper*>(this);
};

}  // namespace grey
