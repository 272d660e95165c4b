#include "greyd/report/other_resend.h"

#include <algorithm>
#include <array>

namespace grey::report {
namespace {

constexpr std::array<Seconds, 9> kCandidates = {30, 60, 120, 180, 300, 600, 900, 1800, 3600};

constexpr bool is_bound(Seconds age) {
  return std::find(kAgeBounds.begin(), kAgeBounds.end(), age) != kAgeBounds.end();
}
static_assert(std::all_of(kCandidates.begin(), kCandidates.end(), is_bound));

OtherResend shorter(const AttemptCounts& sums, Seconds min_resend) {
  OtherResend row{.min_resend = min_resend};
  for (std::size_t i = 1; i < kAgeClasses; ++i) {
    if (kAgeBounds[i - 1] < min_resend) continue;
    row.let_in += sums.early[i];
    row.sooner += sums.passed_early[i];
    if (i == kAgeBounds.size()) continue;  // no upper bound: nothing is sure to be saved
    const Count until = sums.passed_early[i] * Count(kAgeBounds[i]);
    const Count waited = sums.passed_early_waited[i];
    if (waited > until) row.saved += waited - until;
  }
  return row;
}

OtherResend longer(const AttemptCounts& sums, Seconds min_resend) {
  OtherResend row{.min_resend = min_resend};
  for (std::size_t i = 0; i < kAgeBounds.size() && kAgeBounds[i] <= min_resend; ++i) {
    row.again += sums.passed[i];
  }
  return row;
}

}  // namespace

std::vector<OtherResend> other_resends(const AttemptCounts& sums, Seconds min_resend) {
  std::vector<OtherResend> rows;
  const OtherResend now{.min_resend = min_resend, .is_now = true};
  bool passed_now = false;
  for (const Seconds candidate : kCandidates) {
    if (!passed_now && candidate >= min_resend) {
      rows.push_back(now);
      passed_now = true;
    }
    if (candidate == min_resend) continue;
    rows.push_back(candidate < min_resend ? shorter(sums, candidate) : longer(sums, candidate));
  }
  if (!passed_now) rows.push_back(now);
  return rows;
}

}  // namespace grey::report
