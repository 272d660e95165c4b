#include "greyd/core/attempts.h"

#include <algorithm>
#include <exception>
#include <new>
#include <numeric>
#include <string_view>
#include <utility>

#include "greyd/base/text.h"
#include "greyd/wire/client.h"

namespace grey {
namespace {

constexpr std::size_t kMostText = 100;  // octets of an address: enough to know it by

std::string cut_word(std::string_view bytes) {
  return to_word(bytes.substr(0, kMostText));
}

void take_out(Count& count) {
  if (count > 0) --count;
}

Count sum(const AgeCounts& counts) {
  return std::accumulate(counts.begin(), counts.end(), Count{0});
}

// Triplets of which it is known what became of them.
Count settled(const AttemptCounts& counts) {
  return sum(counts.passed) + counts.trusted + counts.never;
}

// Marks are gone after a restart, so that a triplet may be counted by its early retries of before,
// too: never are more counted than wait, or have ended without a good retry.
void bound_early(AttemptCounts& counts) {
  for (Count& early : counts.early) {
    if (sum(counts.early) + sum(counts.passed) <= counts.first) return;
    take_out(early);
  }
}

// Where it counts, of hours or of totals.
template <typename Counts>
SuspectCounts& kind_of(Counts& counts, const Suspicions& suspicions) {
  return suspicions.none() ? counts.unsuspect : counts.suspect;
}

// More have not passed than began: one may begin elsewhere, or as the other kind.
void count_passed(SuspectCounts& counts) {
  counts.first = std::max(counts.first, ++counts.passed);
}

static_assert(AttemptTotals::kSuspicions == kSuspicions);

}  // namespace

AttemptCounts& Attempts::at(Seconds first_seen) noexcept {
  const Seconds hour = hour_of(first_seen);
  if (last_ != nullptr && last_hour_ == hour) return *last_;
  if (hour < from_) return uncounted_;
  auto found = hours_.find(hour);
  if (found == hours_.end()) {
    if (hours_.size() >= kMostHours) return uncounted_;
    try {
      found = hours_.try_emplace(hour).first;
    } catch (const std::bad_alloc&) {
      return uncounted_;
    }
  }
  last_ = &found->second;
  last_hour_ = hour;
  return *last_;
}

void Attempts::began(Seconds first_seen, const Suspicions* suspicions) noexcept {
  AttemptCounts& counts = at(first_seen);
  ++counts.first;
  ++since_start_.first;
  if (suspicions == nullptr) return;
  ++kind_of(counts, *suspicions).first;
  ++kind_of(since_start_, *suspicions).first;
  suspicions->for_each([this](Suspicion one) { ++since_start_.suspicions[std::size_t(one)]; });
}

Attempts::Mark Attempts::retried(Seconds first_seen, Seconds age, Mark before) noexcept {
  if (before == kPassed) return before;
  const auto mark = Mark(age_class(age) + 1);
  if (mark == before) return mark;
  AttemptCounts& counts = at(first_seen);
  if (before != kNoRetry) take_out(counts.early[before - 1u]);
  ++counts.early[mark - 1u];
  if (before == kNoRetry) bound_early(counts);
  return mark;
}

void Attempts::passed(const SavedRecord& waiting, Seconds age, Mark mark,
                      const Suspicions* suspicions) noexcept {
  if (mark == kPassed) return;
  AttemptCounts& counts = at(waiting.seen);
  if (settled(counts) >= counts.first) ++counts.first;  // nobody has counted it, or it was lost
  ++counts.passed[age_class(age)];
  ++since_start_.passed[age_class(age)];
  counts.waited += Count(age);
  since_start_.waited += Count(age);
  if (suspicions != nullptr) {
    count_passed(kind_of(counts, *suspicions));
    ++kind_of(since_start_, *suspicions).passed;
  }
  if (mark != kNoRetry) {
    take_out(counts.early[mark - 1u]);
    ++counts.passed_early[mark - 1u];
    counts.passed_early_waited[mark - 1u] += Count(age);
  }
  bound_early(counts);
  if (age <= counts.longest.waited) return;
  try {
    counts.longest = {age, to_string(waiting.client), cut_word(waiting.sender),
                      cut_word(waiting.recipient)};
  } catch (const std::bad_alloc&) {
    counts.longest = {};
  }
}

void Attempts::ended(Seconds first_seen, Mark mark, bool client_is_known) noexcept {
  if (mark == kPassed) return;
  AttemptCounts& counts = at(first_seen);
  // A daemon that was killed comes upon it once more; or it had passed, and waits on.
  if (settled(counts) >= counts.first && &counts != &uncounted_) return;
  ++(client_is_known ? counts.trusted : counts.never);
  ++(client_is_known ? since_start_.trusted : since_start_.never);
}

void Attempts::have_waiting(Seconds hour, Count waiting) noexcept {
  AttemptCounts& counts = at(hour);
  counts.first = std::max(counts.first, settled(counts) + waiting);
}

Attempts::Hours Attempts::take_before(Seconds hour) {
  last_ = nullptr;
  from_ = hour;
  Hours taken;
  while (!hours_.empty() && hours_.begin()->first < hour)
    taken.insert(hours_.extract(hours_.begin()));
  return taken;
}

}  // namespace grey
