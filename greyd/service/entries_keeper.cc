#include "greyd/service/entries_keeper.h"

#include <utility>

#include "greyd/state/entries_file.h"

namespace grey {

EntriesKeeper::EntriesKeeper(std::string path, Background& background)
    : path_(std::move(path)), background_(background) {}

EntriesKeeper::~EntriesKeeper() {
  *self_ = nullptr;
}

Result<void> EntriesKeeper::load(Seconds now, std::string& note) {
  auto entries = load_entries(path_, now, note);
  if (!entries) return tl::make_unexpected(entries.error());
  take(std::move(*entries));
  return {};
}

void EntriesKeeper::change(Change change, Done done) {
  waiting_.push_back({std::move(change), std::move(done)});
  if (!writing_) write();
}

// What is to be in force, and the lists of it, which are long to make.
struct EntriesKeeper::Next {
  Entries entries;
  Entries::List allowed, blocked;
  std::vector<Waiting> of;  // whose changes it has
  Result<void> outcome;
};

// All that wait, as one file. Who is told may ask for the next change: that waits.
void EntriesKeeper::write() {
  writing_ = true;
  const auto next = std::make_shared<Next>();
  next->entries = entries_;
  std::vector<std::pair<Done, Result<void>>> refused;
  for (Waiting& waiting : std::exchange(waiting_, {})) {
    if (auto changed = waiting.change(next->entries); changed) {
      next->of.push_back(std::move(waiting));
    } else {
      refused.emplace_back(std::move(waiting.done), std::move(changed));
    }
  }
  if (next->of.empty()) {
    writing_ = false;
  } else {
    start(next);
  }
  const auto self = self_;
  for (const auto& [done, outcome] : refused) {
    if (*self != nullptr) done(outcome);
  }
  if (*self != nullptr && !writing_ && !waiting_.empty()) write();
}

void EntriesKeeper::start(const std::shared_ptr<Next>& next) {
  background_.run(
      [next, path = path_] {
        next->outcome = save_entries(path, to_text(next->entries));
        next->allowed = next->entries.list(Entry::Kind::allow, path);
        next->blocked = next->entries.list(Entry::Kind::block, path);
        return 0;
      },
      [next, self = self_](int error) {
        if (*self == nullptr) return;
        if (error != 0) next->outcome = failure("there is no memory to write the entries");
        (*self)->written(*next);
      });
}

void EntriesKeeper::written(Next& next) {
  writing_ = false;
  if (next.outcome) {
    take(std::move(next.entries), std::move(next.allowed), std::move(next.blocked));
  }
  const auto self = self_;
  for (const Waiting& waiting : next.of) {
    if (*self != nullptr) waiting.done(next.outcome);
  }
  if (*self != nullptr && !writing_ && !waiting_.empty()) write();
}

void EntriesKeeper::take(Entries entries, Entries::List allowed, Entries::List blocked) {
  entries_ = std::move(entries);
  allowed_ = std::move(allowed);
  blocked_ = std::move(blocked);
  next_end_ = entries_.next_end();
  on_change_();
}

void EntriesKeeper::take(Entries entries) {
  Entries::List allowed = entries.list(Entry::Kind::allow, path_);
  Entries::List blocked = entries.list(Entry::Kind::block, path_);
  take(std::move(entries), std::move(allowed), std::move(blocked));
}

// The file keeps them until the next change: who reads it looks at their ends again.
std::size_t EntriesKeeper::expire(Seconds now) {
  if (!next_end_ || *next_end_ > now) return 0;
  Entries left = entries_;
  const std::size_t expired = left.expire(now);
  take(std::move(left));
  return expired;
}

void EntriesKeeper::put_in(Lists& lists) const {
  lists.allowed = allowed_.list;
  lists.blocked = blocked_.list;
}

const Entry* EntriesKeeper::entry_of(Entry::Kind kind, const Matched& matched) const {
  if (!matched || matched.file() != path_) return nullptr;
  const auto& lines = (kind == Entry::Kind::allow ? allowed_ : blocked_).lines;
  return matched.line - 1 < lines.size() ? &lines[matched.line - 1] : nullptr;
}

}  // namespace grey
