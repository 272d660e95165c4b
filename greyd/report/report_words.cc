#include "greyd/report/report_words.h"

#include <array>
#include <cstdio>

#include "greyd/base/duration.h"
#include "greyd/report/calendar.h"
#include "greyd/wire/wire.h"

namespace grey::report {

std::string grouped(Count count) {
  const std::string digits = std::to_string(count);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string rounded(Count count) {
  struct Unit {
    Count from, unit;
    char letter;
  };
  static constexpr std::array<Unit, 3> kUnits = {
      {{10'000'000'000, 1'000'000'000, 'G'}, {1'000'000, 1'000'000, 'M'}, {10'000, 1000, 'k'}}};
  for (const Unit& unit : kUnits) {
    if (count < unit.from) continue;
    std::string text = grouped(count / unit.unit);
    if (const Count tenths = count % unit.unit * 10 / unit.unit; tenths > 0) {
      text += '.';
      text += char('0' + tenths);
    }
    text += unit.letter;
    return text;
  }
  return grouped(count);
}

std::string percent(Count part, Count whole, std::string_view none) {
  if (whole == 0) return std::string(none);
  // Neither all nor nothing is said of what is not.
  double share = 100 * double(part) / double(whole);
  if (part < whole && share > 99.9) share = 99.9;
  if (part > 0 && share < 0.1) return "<0.1 %";
  char text[32];
  const int size = std::snprintf(text, sizeof text, "%.1f %%", share);
  return {text, std::size_t(size)};
}

std::string duration_or(const std::optional<Seconds>& duration, std::string_view none) {
  return duration ? format_duration(*duration) : std::string(none);
}

std::string class_name(std::size_t age_class) {
  if (age_class == 0) return "under " + format_duration(kAgeBounds.front());
  if (age_class >= kAgeBounds.size()) return format_duration(kAgeBounds.back()) + " or more";
  return format_duration(kAgeBounds[age_class - 1]) + "-" + format_duration(kAgeBounds[age_class]);
}

std::string_view reason_name(std::size_t reason) {
  return wire::to_string(wire::Reason(reason));
}

const std::vector<FateName>& fate_names() {
  static const std::vector<FateName> kNames = {
      {&Fates::held, "held back for good", "held",
       "never came back in time, and its client has not become known"},
      {&Fates::passed, "came back", "passed", "retried in time, and was accepted"},
      {&Fates::trusted, "client became known", "trusted",
       "did not come back itself, but its client was let in by another message"},
      {&Fates::open, "still open", "open", "may come back yet: its resend window is not over"},
      {&Fates::left, "fate not known", "left",
       "had to make room, or was forgotten by command, before its fate was known"}};
  return kNames;
}

std::string period_text(const Report& report) {
  const std::string from = time_text(report.from), to = time_text(report.now);
  const bool same_day = from.substr(0, 10) == to.substr(0, 10);
  return from + " to " + (same_day ? to.substr(11) : to);
}

std::string shortness(const Report& report) {
  if (!report.has_totals) {
    return "the daemon that runs keeps no totals: restart it, and this tells more from then on";
  }
  if (!report.kept_from) return "nothing has been counted yet";
  if (*report.kept_from <= report.from) return {};
  return "counted since " + time_text(*report.kept_from) + " only";
}

ResendCells cells_of(const OtherResend& row) {
  ResendCells cells{format_duration(row.min_resend), {}, {}, {}, {}};
  if (row.is_now) return cells;
  if (row.again > 0) cells.again = grouped(row.again);
  if (row.let_in > 0) cells.let_in = grouped(row.let_in);
  if (row.sooner == 0) return cells;
  cells.sooner = grouped(row.sooner);
  cells.saved = format_duration(Seconds(row.saved / row.sooner));
  return cells;
}

bool says_something(const std::vector<OtherResend>& rows) {
  for (const OtherResend& row : rows) {
    if (row.let_in > 0 || row.sooner > 0 || row.again > 0) return true;
  }
  return false;
}

std::string selection_text(const Report& report) {
  const SuspectFates &suspect = report.suspect, &unsuspect = report.unsuspect;
  const Count delayed = suspect.passed + unsuspect.passed, never = suspect.never + unsuspect.never;
  std::string text;
  if (report.policy.select == Select::suspect) {
    text = "--select=suspect: " + grouped(report.spared()) +
           " accepted at once, as nothing spoke against their client.";
  } else {
    text = "With --select=suspect: " + grouped(unsuspect.passed) + " of " + grouped(delayed) +
           " messages that were delayed would not have been.";
  }
  if (never == 0) return text;
  return text + " " + percent(suspect.never, never) + " of what never came back is suspect.";
}

namespace notes {

const std::string_view kEmpty =
    "Nothing has been asked in this time. Figures come with the first message.";
const std::string_view kFates =
    "Of the triplets that were first seen in this time. Shares are of all of these.";
const std::string_view kDelays =
    "From the first attempt to the retry that was accepted. Median and p90 are taken evenly within "
    "the classes shown.";
const std::string_view kTimes =
    "First attempts, by when they were made; what became of them may have come later.";
const std::string_view kRankings =
    "By triplets that wait now and were first seen in this time: those that have passed are not "
    "among them.";
const std::string_view kLongest =
    "Of those that were accepted after a wait. Each hour keeps its longest, so two of one hour are "
    "one here.";
const std::string_view kSeveral =
    "Same sender and recipient by more than one address of a /24 or /48: a sign of retries that "
    "come "
    "from other addresses, each of which has waited for itself. A wider --ipv4-prefix or an entry "
    "of the whitelist helps them.";
const std::string_view kSeveralHidden =
    "Cannot be told: clients are taken together by network already (--ipv4-prefix).";
const std::string_view kSuspects =
    "First attempts, by whether something that the mail server knows spoke against their client: "
    "see "
    "SELECTION in qmail-greyd(8). Never: did not come back within the resend window, though their "
    "client may have become known by another message.";
const std::string_view kResends =
    "From the early retries that were seen. Let in: have not passed, and came back at that age. "
    "Sooner: would have been accepted earlier, by at least so much on average. Once more: passed "
    "before that age, and would have had to come again. Retries under rules with a min resend of "
    "their own are among them.";

}  // namespace notes

}  // namespace grey::report
