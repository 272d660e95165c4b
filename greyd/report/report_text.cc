#include "greyd/report/report_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <vector>

#include "greyd/base/duration.h"
#include "greyd/report/calendar.h"
#include "greyd/report/report_words.h"
#include "greyd/wire/wire.h"

namespace grey::report {
namespace {

constexpr std::size_t kLeast = 64;

std::string left(std::string_view text, std::size_t width) {
  return std::string(text) + std::string(text.size() < width ? width - text.size() : 0, ' ');
}
std::string right(std::string_view text, std::size_t width) {
  return std::string(text.size() < width ? width - text.size() : 0, ' ') + std::string(text);
}
// What is too long loses its end, and shows it.
std::string cut(std::string_view text, std::size_t width) {
  if (text.size() <= width) return std::string(text);
  return std::string(text.substr(0, width < 4 ? width : width - 3)) + (width < 4 ? "" : "...");
}

// "sender -> recipient"; where there is little room each loses its part.
std::string envelope(std::string_view sender, std::string_view recipient, std::size_t width) {
  constexpr std::string_view kArrow = " -> ";
  const std::size_t both = width > kArrow.size() ? width - kArrow.size() : 0;
  const std::size_t of_sender = std::max(both / 2, both - std::min(both, recipient.size()));
  const std::string first = cut(sender, of_sender);
  return first + std::string(kArrow) + cut(recipient, both - std::min(both, first.size()));
}

// All text here is ASCII but bars, so octets are columns.
class Writer {
 public:
  explicit Writer(const Look& look) : look_(look), width_(std::max(look.width, kLeast)) {}

  void line(std::string_view text = {}) {
    out_ += text.substr(0, text.find_last_not_of(' ') + 1);
    out_ += '\n';
  }
  void head(std::string_view text) {
    line();
    line(paint("1", text));
  }
  // Broken at blanks.
  void note(std::string_view text) {
    while (!text.empty()) {
      std::size_t end = text.size();
      if (end > width_ - 2) {
        end = text.rfind(' ', width_ - 2);
        if (end == std::string_view::npos) end = std::min(text.size(), width_ - 2);
      }
      line("  " + paint("2", text.substr(0, end)));
      text.remove_prefix(std::min(text.size(), end + 1));
    }
  }
  std::string paint(std::string_view code, std::string_view text) const {
    if (!look_.colour || text.empty()) return std::string(text);
    return "\033[" + std::string(code) + "m" + std::string(text) + "\033[0m";
  }
  // So long as `part` is of `whole`; what is not nothing shows.
  std::string bar(Count part, Count whole, std::size_t columns, std::string_view code) const {
    if (part == 0 || whole == 0 || columns == 0) return {};
    const double share = std::min(1.0, double(part) / double(whole));
    if (!look_.blocks) {
      const auto length = std::size_t(std::lround(share * double(columns)));
      return paint(code, std::string(std::max<std::size_t>(length, 1), '#'));
    }
    static constexpr std::array<std::string_view, 8> kEighths = {
        "", "\u258f", "\u258e", "\u258d", "\u258c", "\u258b", "\u258a", "\u2589"};
    const auto eighths =
        std::max<std::size_t>(std::size_t(std::lround(share * double(columns) * 8)), 1);
    std::string text;
    for (std::size_t i = 0; i < eighths / 8; ++i) text += "\u2588";
    return paint(code, text.append(kEighths[eighths % 8]));
  }
  // Columns left of `used`.
  std::size_t rest(std::size_t used) const { return used < width_ ? width_ - used : 0; }
  std::string take() { return std::move(out_); }

 private:
  const Look& look_;
  const std::size_t width_;
  std::string out_;
};

constexpr std::string_view kGood = "32", kHeld = "36", kWait = "33";
constexpr std::size_t kNumber = 11, kShare = 9, kMedian = 10;

std::size_t bar_width(const Writer& to, std::size_t used) {
  return std::min<std::size_t>(to.rest(used), 60);
}

void add_head(Writer& to, const Report& report) {
  to.line(to.paint("1", "Greylisting, " + period_text(report)));
  std::string under = "qmail-greyd " + report.version + ", min resend " +
                      format_duration(report.policy.min_resend) + ", resend window " +
                      format_duration(report.policy.resend_window);
  if (report.policy.dry_run) under += ", dry run: all is accepted";
  to.note(under);
  if (const std::string why = shortness(report); !why.empty()) to.note(why);
}

void add_decisions(Writer& to, const Report& report) {
  const Count all = report.accepted() + report.deferred();
  to.head("Decisions");
  if (all == 0) return to.line("  none in this time");
  const bool both = std::any_of(report.mta.begin(), report.mta.end(), [](Count c) { return c; }) &&
                    std::any_of(report.udp.begin(), report.udp.end(), [](Count c) { return c; });
  if (both) {
    to.line("  " + left("", 14) + right("all", kNumber) + right("", kShare) +
            right("udp", kNumber) + right("policy", kNumber));
  }
  const std::size_t used = 2 + 14 + kNumber + kShare + (both ? 2 * kNumber : 0) + 2;
  const auto row = [&](std::string_view name, Count udp, Count mta, std::string_view code) {
    std::string text = "  " + left(name, 14) + right(grouped(udp + mta), kNumber) +
                       right(percent(udp + mta, all), kShare);
    if (both) text += right(grouped(udp), kNumber) + right(grouped(mta), kNumber);
    to.line(text + "  " + to.bar(udp + mta, all, bar_width(to, used), code));
  };
  for (const bool accepted : {false, true}) {
    for (std::size_t i = 0; i < wire::kReasons; ++i) {
      if (accepts(i) != accepted || report.udp[i] + report.mta[i] == 0) continue;
      row(reason_name(i), report.udp[i], report.mta[i], accepted ? kGood : kHeld);
    }
  }
  to.line("  " + left("together", 14) + right(grouped(all), kNumber) + "  accepted " +
          percent(report.accepted(), all) + ", deferred " + percent(report.deferred(), all));
}

void add_fates(Writer& to, const Report& report) {
  to.head("First attempts, and what became of them");
  const Fates& fates = report.fates;
  if (fates.first == 0) return to.line("  none in this time");
  for (const FateName& fate : fate_names()) {
    const Count count = fates.*fate.count;
    if (count == 0 && fate.count == &Fates::left) continue;
    const std::string_view code = fate.count == &Fates::held     ? kHeld
                                  : fate.count == &Fates::passed ? kWait
                                                                 : std::string_view("2");
    to.line("  " + left(fate.name, 20) + right(grouped(count), kNumber) +
            right(percent(count, fates.first), kShare) + "  " +
            to.bar(count, fates.first, bar_width(to, 2 + 20 + kNumber + kShare + 2), code));
  }
  to.line("  " + left("together", 20) + right(grouped(fates.first), kNumber));
  to.note(notes::kFates);
}

void add_delays(Writer& to, const Report& report) {
  to.head("How long those waited that were accepted after a wait");
  const Delays& delays = report.delays;
  const Count all = delays.all();
  if (all == 0) return to.line("  none has been yet");
  to.line("  median " + duration_or(delays.quantile(0.5)) + ", p90 " +
          duration_or(delays.quantile(0.9)) + ", mean " + duration_or(delays.mean()) +
          ", longest " + (delays.longest > 0 ? format_duration(delays.longest) : "-"));
  const Count most = *std::max_element(delays.counts.begin(), delays.counts.end());
  std::size_t first = 0, end = delays.counts.size();
  while (delays.counts[first] == 0) ++first;
  while (delays.counts[end - 1] == 0) --end;
  for (std::size_t i = first; i < end; ++i) {
    const Count count = delays.counts[i];
    to.line("  " + left(class_name(i), 14) + right(grouped(count), kNumber) +
            right(percent(count, all), kShare) + "  " +
            to.bar(count, most, bar_width(to, 2 + 14 + kNumber + kShare + 2), kWait));
  }
  to.note(notes::kDelays);
}

// A row of a day or an hour: how many began, how many of these are held back for good or came back,
// and after how long.
void add_slot(Writer& to, std::string_view name, const Slot& slot, Count most) {
  const Fates& fates = slot.fates;
  std::string text = "  " + left(name, 11) + right(grouped(fates.first), kNumber);
  text += right(percent(fates.held, fates.first, ""), kShare);
  text += right(percent(fates.passed, fates.first, ""), kShare);
  text += right(duration_or(slot.delays.quantile(0.5), ""), kMedian);
  const std::size_t columns = bar_width(to, 2 + 11 + kNumber + 2 * kShare + kMedian + 2);
  to.line(text + "  " + to.bar(fates.first, most, columns, kHeld));
}

void add_times(Writer& to, const Report& report) {
  if (report.fates.first == 0) return;
  const auto is_less = [](const Slot& one, const Slot& other) {
    return one.fates.first < other.fates.first;
  };
  const std::string columns = right("attempts", kNumber) + right("held", kShare) +
                              right("back", kShare) + right("median", kMedian);
  const auto most_of = [&](const auto& slots) {
    return std::max_element(slots.begin(), slots.end(), is_less)->fates.first;
  };
  if (report.days.size() > 1) {
    to.head(report.by_week ? "By week, from Monday" : "By day");
    to.line("  " + left("", 11) + columns);
    for (const Slot& slot : report.days) {
      add_slot(to, time_text(slot.begin, report.by_week ? "%Y-%m-%d" : "%a %m-%d"), slot,
               most_of(report.days));
    }
  }
  to.head("By hour of the day");
  to.line("  " + left("", 11) + columns);
  for (std::size_t i = 0; i < report.hours.size(); ++i) {
    add_slot(to, std::string(i < 10 ? "0" : "") + std::to_string(i) + ":00", report.hours[i],
             most_of(report.hours));
  }
  to.note(notes::kTimes);
}

void add_ranking(Writer& to, std::string_view name, const Ranking& ranking) {
  to.head(name);
  if (ranking.first.empty()) return to.line("  none");
  std::size_t longest = 0;
  for (const Ranked& row : ranking.first) longest = std::max(longest, row.name.size());
  const std::size_t width = std::min({longest, to.rest(2 + kNumber + 2 + 10), std::size_t{50}});
  for (const Ranked& row : ranking.first) {
    to.line("  " + left(cut(row.name, width), width) + right(grouped(row.deferred), kNumber) +
            "  " +
            to.bar(row.deferred, ranking.first.front().deferred,
                   bar_width(to, 2 + width + kNumber + 2), kHeld));
  }
  if (ranking.all > ranking.first.size()) {
    to.line("  " + to.paint("2", "and " + grouped(ranking.all - ranking.first.size()) + " more"));
  }
}

void add_rankings(Writer& to, const Report& report) {
  add_ranking(to, "Networks with most deferrals", report.networks);
  add_ranking(to, "Senders' domains with most deferrals", report.domains);
  add_ranking(to, "Recipients with most deferrals", report.recipients);
  to.note(notes::kRankings);
}

void add_longest(Writer& to, const Report& report) {
  to.head("Who waited longest");
  if (report.longest.empty()) return to.line("  nobody yet");
  for (const Longest& row : report.longest) {
    const std::string text =
        right(format_duration(row.waited), 8) + "  " + left(cut(row.client, to.rest(32)), 16);
    to.line("  " + text + ' ' + envelope(row.sender, row.recipient, to.rest(3 + text.size())));
  }
  to.note(notes::kLongest);
}

void add_several(Writer& to, const Report& report) {
  to.head("One message from several addresses");
  if (!report.sees_several()) return to.note(notes::kSeveralHidden);
  if (report.several.empty()) return to.line("  none was seen");
  for (const Several& row : report.several) {
    const std::string text = left(row.network, 18) + right(grouped(row.messages), 7) +
                             (row.messages == 1 ? " message,  " : " messages, ") +
                             grouped(row.most) + " addresses:";
    to.line("  " + text + ' ' + envelope(row.sender, row.recipient, to.rest(3 + text.size())));
  }
  to.note(notes::kSeveral);
}

void add_suspects(Writer& to, const Report& report) {
  if (!report.sees_suspects()) return;
  to.head("Who is suspect");
  to.line("  " + left("", 14) + right("attempts", kNumber) + right("back", kNumber) +
          right("never", kNumber));
  const auto row = [&](std::string_view name, const SuspectFates& fates) {
    to.line("  " + left(name, 14) + right(grouped(fates.first), kNumber) +
            right(grouped(fates.passed), kNumber) + right(grouped(fates.never), kNumber));
  };
  row("suspect", report.suspect);
  row("not suspect", report.unsuspect);
  to.note(selection_text(report));
  to.note(notes::kSuspects);
}

void add_resends(Writer& to, const Report& report) {
  to.head("What another min resend would have come to");
  if (!says_something(report.resends)) return to.line("  no retry has been seen yet");
  to.line("  " + right("min resend", 10) + right("let in", kNumber) + right("sooner", kNumber) +
          right("saved each", 13) + right("once more", 12));
  for (const OtherResend& row : report.resends) {
    const ResendCells cells = cells_of(row);
    if (row.is_now) {
      to.line("  " + to.paint("1", right(cells.min_resend, 10) + "   as it is"));
      continue;
    }
    const auto number = [](const std::string& cell) { return cell.empty() ? "-" : cell; };
    const bool longer = row.min_resend > report.policy.min_resend;
    to.line("  " + right(cells.min_resend, 10) +
            right(longer ? "" : number(cells.let_in), kNumber) +
            right(longer ? "" : number(cells.sooner), kNumber) + right(cells.saved, 13) +
            right(longer ? number(cells.again) : "", 12));
  }
  to.note(notes::kResends);
}

void add_other(Writer& to, const Report& report) {
  std::vector<std::pair<std::string, Count>> rows;
  for (const auto& [kind, count] : report.faults) rows.emplace_back("no query: " + kind, count);
  rows.emplace_back("datagrams from who may not ask", report.foreign);
  rows.emplace_back("queries without an answer", report.lost);
  rows.emplace_back("records that had to make room", report.evicted);
  std::erase_if(rows, [](const auto& row) { return row.second == 0; });
  if (rows.empty()) return;
  to.head("Besides");
  for (const auto& [name, count] : rows) {
    to.line("  " + left(cut(name, 34), 34) + right(grouped(count), kNumber));
  }
}

}  // namespace

std::string report_text(const Report& report, const Look& look) {
  Writer to(look);
  add_head(to, report);
  if (report.empty()) {
    to.line();
    to.note(notes::kEmpty);
    return to.take();
  }
  add_decisions(to, report);
  add_fates(to, report);
  add_delays(to, report);
  add_suspects(to, report);
  add_resends(to, report);
  add_times(to, report);
  add_rankings(to, report);
  add_longest(to, report);
  add_several(to, report);
  add_other(to, report);
  return to.take();
}

}  // namespace grey::report
