// What another min resend would have let in and saved, from what was seen.
//
// Of a triplet the age of its last early retry is known, by class, and the candidates are bounds of
// classes. A shorter min resend lets in whoever came back early at that age or later: exact. Who
// has passed would have been accepted at that retry at the latest, which was before its class's
// upper bound: so it would have saved the rest, at least. A longer one makes those come once more
// that passed before it; whether they would have is unknown.
#pragma once

#include <vector>

#include "greyd/core/attempts.h"
#include "greyd/report/report.h"

namespace grey::report {

// `sums`: of the hours of the period. One row each for the candidates and for `min_resend`.
std::vector<OtherResend> other_resends(const AttemptCounts& sums, Seconds min_resend);

}  // namespace grey::report
