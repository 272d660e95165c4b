#include "greyd/report/report.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "greyd/wire/wire.h"

namespace grey::report {

Fates& Fates::operator+=(const Fates& more) {
  first += more.first;
  passed += more.passed;
  trusted += more.trusted;
  held += more.held;
  open += more.open;
  left += more.left;
  return *this;
}

Count Delays::all() const {
  return std::accumulate(counts.begin(), counts.end(), Count{0});
}

std::optional<Seconds> Delays::quantile(double share) const {
  const Count all_of_them = all();
  if (all_of_them == 0) return std::nullopt;
  const double wanted = share * double(all_of_them);
  double before = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto here = double(counts[i]);
    if (counts[i] == 0 || before + here < wanted) {
      before += here;
      continue;
    }
    const auto lower = double(i == 0 ? 0 : kAgeBounds[i - 1]);
    // The last class has no end but that of who waited longest; and nobody waited longer than that.
    const bool last = i == kAgeBounds.size();
    auto upper = double(last ? std::max(longest, kAgeBounds.back()) : kAgeBounds[i]);
    if (longest > 0 && double(longest) >= lower) upper = std::min(upper, double(longest));
    return Seconds(std::lround(lower + (upper - lower) * (wanted - before) / here));
  }
  return std::nullopt;  // share > 1
}

std::optional<Seconds> Delays::mean() const {
  const Count all_of_them = all();
  if (all_of_them == 0) return std::nullopt;
  return Seconds((waited + all_of_them / 2) / all_of_them);
}

Delays& Delays::operator+=(const Delays& more) {
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += more.counts[i];
  waited += more.waited;
  longest = std::max(longest, more.longest);
  return *this;
}

bool accepts(std::size_t reason) {
  return wire::verdict_of(wire::Reason(reason)) == wire::Verdict::accept;
}

namespace {

Count count_of(const Report& report, bool accepted) {
  Count count = 0;
  for (std::size_t i = 0; i < wire::kReasons; ++i) {
    if (accepts(i) == accepted) count += report.udp[i] + report.mta[i];
  }
  return count;
}

}  // namespace

Count Report::accepted() const {
  return count_of(*this, true);
}
Count Report::deferred() const {
  return count_of(*this, false);
}

Count Report::spared() const {
  constexpr auto kSpared = std::size_t(wire::Reason::unsuspect);
  return udp[kSpared] + mta[kSpared];
}

bool Report::empty() const {
  return accepted() + deferred() == 0 && fates.first == 0 && networks.all == 0 && faults.empty() &&
         foreign == 0 && lost == 0;
}

}  // namespace grey::report
