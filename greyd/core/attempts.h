// What becomes of first attempts: how many come back and after how long, how many never do, and
// what their early retries say of another min resend.
//
// Counted by triplet, and for the hour in which it was seen first: so of the attempts of any hours
// it can be told what became of them. No clock, no IO; nothing here throws, as it is called in the
// midst of decisions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "greyd/base/counters.h"
#include "greyd/base/seconds.h"
#include "greyd/core/record.h"
#include "greyd/core/suspicion.h"

namespace grey {

constexpr Seconds kHourSeconds = 3600;
constexpr Seconds hour_of(Seconds time) {
  return time - time % kHourSeconds;
}

// The class of an age, see kAgeBounds.
constexpr std::size_t age_class(Seconds age) {
  std::size_t i = 0;
  while (i < kAgeBounds.size() && kAgeBounds[i] <= age) ++i;
  return i;
}

// Of the triplets that were first seen in one hour.
struct AttemptCounts {
  Count first = 0;           // that began to wait
  AgeCounts passed{};        // of these that passed, by how long they had waited
  Count waited = 0;          // seconds, those together
  AgeCounts early{};         // that have not passed (yet): by the age of their last early retry
  AgeCounts passed_early{};  // that passed: likewise
  AgeCounts passed_early_waited{};   // seconds until these passed
  Count trusted = 0;                 // that ended without a good retry, when their client was known
  Count never = 0;                   // likewise, when it was not: held back for good
  SuspectCounts suspect, unsuspect;  // by what was known of the client at each attempt

  // Who of those that passed waited longest. The client as in context lines; the others are words
  // of text.h, cut.
  struct Longest {
    Seconds waited = 0;  // 0: there is none
    std::string client, sender, recipient;
    bool operator==(const Longest&) const = default;
  } longest;

  bool operator==(const AttemptCounts&) const = default;
};

// Where the greylist counts, and the hours that have anything to tell.
class Attempts {
 public:
  // What is noted with a triplet that waits: the class of its last early retry.
  using Mark = std::uint8_t;
  static constexpr Mark kNoRetry = 0;
  static constexpr Mark kPassed = UINT8_MAX;  // it goes on waiting (greydaemon's rules)

  // `since_start` counts all of it, too.
  explicit Attempts(AttemptTotals& since_start) : since_start_(since_start) {}

  // `suspicions`: of the client, as it begins, or passes; nullptr: it is not known.
  void began(Seconds first_seen, const Suspicions* suspicions = nullptr) noexcept;
  // An early retry. The mark that the triplet has from now on.
  Mark retried(Seconds first_seen, Seconds age, Mark before) noexcept;
  // `waiting`: the triplet as it was.
  void passed(const SavedRecord& waiting, Seconds age, Mark mark,
              const Suspicions* suspicions = nullptr) noexcept;
  // It is forgotten, or begins anew.
  void ended(Seconds first_seen, Mark mark, bool client_is_known) noexcept;

  // So many wait of that hour: at a start, as a daemon that was killed has not told of the last
  // ones.
  void have_waiting(Seconds hour, Count waiting) noexcept;

  using Hours = std::map<Seconds, AttemptCounts>;  // by their first second
  const Hours& hours() const { return hours_; }
  // What is known of an hour from before.
  void put(Seconds hour, AttemptCounts counts) { hours_.insert_or_assign(hour, std::move(counts)); }
  // Takes out the hours before that one, and counts in no such hour from now on.
  Hours take_before(Seconds hour);
  void count_from(Seconds hour) { from_ = hour; }

 private:
  AttemptCounts& at(Seconds first_seen) noexcept;

  // More hours than any timeout has are those of wrong clocks.
  static constexpr std::size_t kMostHours = 20'000;

  Hours hours_;
  Seconds from_ = 0;               // what was before is taken out
  AttemptCounts* last_ = nullptr;  // the hour that was asked for last
  Seconds last_hour_ = 0;
  AttemptCounts uncounted_;  // where there is no hour, or no memory for one
  AttemptTotals& since_start_;
};

}  // namespace grey
