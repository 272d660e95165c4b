// What text and page say alike: numbers, shares, names, and what the figures mean.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "greyd/report/report.h"

namespace grey::report {

// 1234567 as "1,234,567".
std::string grouped(Count count);
// In little room: 1500000 as "1.5M"; beyond a tenth it is cut.
std::string rounded(Count count);
// "62.4 %"; `none` where there is nothing to have a share of.
std::string percent(Count part, Count whole, std::string_view none = "-");
// "5m 12s", or `none`.
std::string duration_or(const std::optional<Seconds>& duration, std::string_view none = "-");

std::string class_name(std::size_t age_class);  // "5m-7m", "24h or more"
std::string_view reason_name(std::size_t reason);

// What may become of a first attempt, in the order in which it is shown.
struct FateName {
  Count Fates::*count;
  std::string_view name;     // "held back for good"
  std::string_view id;       // "held"
  std::string_view meaning;  // a sentence
};
const std::vector<FateName>& fate_names();

// "2026-11-25 12:00 to 18:30"
std::string period_text(const Report& report);

// Why there is less than was asked for, if so: "counted since 2026-11-26 12:00 only".
std::string shortness(const Report& report);

// What another min resend comes to, a cell each; empty: it says nothing of that.
struct ResendCells {
  std::string min_resend, let_in, sooner, saved, again;
};
ResendCells cells_of(const OtherResend& row);

// Whether there is anything to say of other min resends.
bool says_something(const std::vector<OtherResend>& rows);

// Below each part, what it is from.
// What --select=suspect would have come to, or has.
std::string selection_text(const Report& report);

namespace notes {
extern const std::string_view kEmpty, kFates, kDelays, kTimes, kRankings, kLongest, kSeveral,
    kSeveralHidden, kSuspects, kResends;
}  // namespace notes

}  // namespace grey::report
