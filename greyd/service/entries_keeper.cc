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

// All that wait, as one file. Those that are no changes are told so at once.
void EntriesKeeper::write() {
  const auto next = std::make_shared<Entries>(entries_);
  const auto good = std::make_shared<std::vector<Waiting>>();
  for (Waiting& waiting : std::exchange(waiting_, {})) {
    if (const auto changed = waiting.change(*next); changed) {
      good->push_back(std::move(waiting));
    } else {
      waiting.done(changed);
    }
  }
  if (good->empty()) return;
  writing_ = true;
  const auto outcome = std::make_shared<Result<void>>();
  background_.run(
      [outcome, path = path_, text = to_text(*next)] {
        *outcome = save_entries(path, text);
        return 0;
      },
      [outcome, next, good, self = self_](int error) {
        if (*self == nullptr) return;
        if (error != 0) *outcome = failure("there is no memory to write the entries");
        (*self)->written(*outcome, std::move(*next), *good);
      });
}

void EntriesKeeper::written(const Result<void>& outcome, Entries next,
                            const std::vector<Waiting>& of) {
  writing_ = false;
  if (outcome) take(std::move(next));
  for (const Waiting& waiting : of) waiting.done(outcome);
  if (!waiting_.empty() && !writing_) write();
}

void EntriesKeeper::take(Entries entries) {
  entries_ = std::move(entries);
  allowed_ = entries_.list(Entry::Kind::allow, path_);
  blocked_ = entries_.list(Entry::Kind::block, path_);
  on_change_();
}

// The file keeps them until the next change: who reads it looks at their ends again.
std::size_t EntriesKeeper::expire(Seconds now) {
  const auto next = entries_.next_end();
  if (!next || *next > now) return 0;
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
