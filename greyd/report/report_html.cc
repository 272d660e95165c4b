#include "greyd/report/report_html.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <utility>
#include <vector>

#include "greyd/base/duration.h"
#include "greyd/report/calendar.h"
#include "greyd/report/html_chart.h"
#include "greyd/report/html_page.h"
#include "greyd/report/html_parts.h"
#include "greyd/report/report_words.h"
#include "greyd/wire/wire.h"

namespace grey::report {
namespace {

constexpr std::string_view kNone = "\xe2\x80\x93";  // an en dash

Cell count_cell(Count count) {
  return number_cell(double(count), grouped(count));
}
Cell share_cell(Count part, Count whole) {
  Cell cell{percent(part, whole, kNone), 0, "n"};
  if (whole > 0) cell.number = 1e6 * double(part) / double(whole);
  return cell;
}
Cell quantile_cell(const Delays& delays, double share) {
  const auto wait = delays.quantile(share);
  return {duration_or(wait, kNone), double(wait.value_or(0)), "n"};
}
Cell time_cell(Seconds duration) {
  return number_cell(double(duration), format_duration(duration));
}

std::string note(std::string_view text) {
  return "<p class=\"note\">" + escaped(text) + "</p>\n";
}
std::string empty(std::string_view text) {
  return "<p class=\"empty\">" + escaped(text) + "</p>\n";
}
std::string section(std::string_view head, std::string_view content) {
  return "<section><h2>" + escaped(head) + "</h2>\n" + std::string(content) + "</section>\n";
}
std::string as_table(const Table& table) {
  return "<details><summary>As a table</summary>" + table_html(table) + "</details>\n";
}
std::string capital(std::string_view text) {
  std::string out(text);
  if (!out.empty()) out[0] = char(std::toupper(static_cast<unsigned char>(out[0])));
  return out;
}

// Dates are not broken.
std::string period_html(const Report& report) {
  std::string html = "<span>" + escaped(period_text(report));
  for (std::size_t at = 0; (at = html.find(' ', at)) != std::string::npos;) {
    html.replace(at, 1, "</span> <span>");
    at += sizeof "</span> <span>" - 1;
  }
  return html + "</span>";
}

std::string header(const Report& report) {
  std::string out = "<header><p class=\"kicker\">Greylisting</p><h1>" + period_html(report) +
                    "</h1>\n<p>qmail-greyd " + escaped(report.version) + " &middot; min resend " +
                    format_duration(report.policy.min_resend) + " &middot; resend window " +
                    format_duration(report.policy.resend_window) + "</p>\n";
  if (report.policy.dry_run) out += "<p class=\"warn\">Dry run: all is accepted.</p>\n";
  if (const std::string why = shortness(report); !why.empty()) {
    out += "<p class=\"warn\">" + escaped(capital(why)) + ".</p>\n";
  }
  return out + "</header>\n";
}

std::string tile(std::string_view name, std::string_view id, const std::string& value,
                 const std::string& below) {
  return "<div class=\"tile\"><span>" + escaped(name) + "</span><b id=\"" + std::string(id) +
         "\">" + value + "</b><small>" + escaped(below) + "</small></div>\n";
}

std::string tiles(const Report& report) {
  const Fates& fates = report.fates;
  const Delays& delays = report.delays;
  const Count decisions = report.accepted() + report.deferred();
  std::string out = "<div class=\"tiles\">\n";
  out += tile("First attempts", "first", grouped(fates.first),
              "of " + grouped(decisions) + (decisions == 1 ? " decision" : " decisions"));
  out += tile(
      "Held back for good", "held", percent(fates.held, fates.first, kNone),
      grouped(fates.held) + (fates.open > 0 ? ", " + grouped(fates.open) + " still open" : ""));
  out += tile("Accepted after a wait", "passed", percent(fates.passed, fates.first, kNone),
              grouped(fates.passed));
  const auto median = delays.quantile(0.5), p90 = delays.quantile(0.9);
  out += tile("Median wait of these", "median", duration_or(median, kNone),
              p90 ? "p90 " + format_duration(*p90) : "none has been accepted yet");
  return out + "</div>\n";
}

std::vector<Segment> segments_of(const Fates& fates) {
  std::vector<Segment> segments;
  for (const FateName& fate : fate_names()) segments.push_back({fates.*fate.count, fate.id});
  return segments;
}

std::string swatch(std::string_view colour) {
  return "<svg class=\"swatch\" width=\"12\" height=\"12\" aria-hidden=\"true\"><rect width=\"12\" "
         "height=\"12\" rx=\"3\" class=\"" +
         std::string(colour) + "\"/></svg>";
}

std::string fates_section(const Report& report) {
  const Fates& fates = report.fates;
  if (fates.first == 0) {
    return section("What became of first attempts", empty("There was none in this time."));
  }
  Table table{{{"", "s"}, {"fate", ""}, {"triplets", "n"}, {"share", "n"}, {"", "wide"}}, {}};
  std::string title;
  for (const FateName& fate : fate_names()) {
    const Count count = fates.*fate.count;
    title +=
        (title.empty() ? "" : ", ") + std::string(fate.name) + " " + percent(count, fates.first);
    table.rows.push_back(
        {" data-fate=\"" + std::string(fate.id) + "\"",
         {html_cell(swatch(fate.id), "s"), html_cell(escaped(capital(fate.name))),
          count_cell(count), share_cell(count, fates.first),
          html_cell("<span class=\"note\">" + escaped(fate.meaning) + "</span>", "wide")}});
  }
  return section("What became of first attempts",
                 svg_stack(title, segments_of(fates)) + table_html(table) + note(notes::kFates));
}

std::string delays_section(const Report& report) {
  const std::string_view head = "How long those waited that were accepted after a wait";
  const Delays& delays = report.delays;
  const Count all = delays.all();
  if (all == 0) return section(head, empty("Nobody has come back yet."));
  std::size_t first = 0, end = delays.counts.size();
  while (delays.counts[first] == 0) ++first;
  while (delays.counts[end - 1] == 0) --end;
  // One that is alone would be all of the chart.
  end = std::min(std::max(end, first + 6), delays.counts.size());
  if (end - first < 6) first = end - 6;
  const std::string summary = "median " + duration_or(delays.quantile(0.5)) + ", p90 " +
                              duration_or(delays.quantile(0.9)) + ", mean " +
                              duration_or(delays.mean()) + ", longest " +
                              (delays.longest > 0 ? format_duration(delays.longest) : "not known");
  ColumnChart chart{"Distribution of the waits", summary, true, {}};
  Table table{{{"waited", ""}, {"triplets", "n"}, {"share", "n"}}, {}};
  for (std::size_t i = first; i < end; ++i) {
    const Count count = delays.counts[i];
    chart.columns.push_back(
        {format_duration(i == 0 ? 0 : kAgeBounds[i - 1]),
         (i - first) % 3 == 0,
         class_name(i) + ": " + grouped(count) + " (" + percent(count, all) + ")",
         {{count, "passed"}}});
    Cell name = html_cell(escaped(class_name(i)));
    name.number = double(i);
    table.rows.push_back({"", {name, count_cell(count), share_cell(count, all)}});
  }
  return section(head, "<p>" + escaped(capital(summary)) + ".</p>\n" + svg_columns(chart) +
                           as_table(table) + note(notes::kDelays));
}

std::string tip_of(const std::string& name, const Slot& slot) {
  std::string tip = name + ": " + grouped(slot.fates.first) +
                    (slot.fates.first == 1 ? " first attempt" : " first attempts");
  for (const FateName& fate : fate_names()) {
    const Count count = slot.fates.*fate.count;
    if (count > 0) tip += "; " + std::string(fate.name) + " " + grouped(count);
  }
  if (const auto median = slot.delays.quantile(0.5)) {
    tip += "; median wait " + format_duration(*median);
  }
  return tip;
}

std::string legend(const Fates& fates) {
  std::string out = "<ul class=\"legend\">";
  for (const FateName& fate : fate_names()) {
    if (fates.*fate.count == 0) continue;
    out += "<li>" + swatch(fate.id) + escaped(fate.name) + "</li>";
  }
  return out + "</ul>\n";
}

struct NamedSlot {
  std::string label, name;
  const Slot& slot;
  double order;
};

// `wide`: every so-manieth is labelled where there is room; of these every `narrow`th where there
// is little.
std::string times_section(std::string_view head, std::string_view what, const Report& report,
                          const std::vector<NamedSlot>& slots, std::size_t wide,
                          std::size_t narrow) {
  if (report.fates.first == 0) return {};
  ColumnChart chart{std::string(head), "first attempts and what became of them", false, {}};
  Table table{{{what, ""},
               {"accepted", "n"},
               {"deferred", "n"},
               {"first attempts", "n"},
               {"held back", "n"},
               {"came back", "n"},
               {"median wait", "n"},
               {"p90", "n"}},
              {}};
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const auto& [label, name, slot, order] = slots[i];
    chart.columns.push_back({i % wide == 0 ? label : "", i % (wide * narrow) == 0,
                             tip_of(name, slot), segments_of(slot.fates)});
    Cell cell = html_cell(escaped(name), "d");
    cell.number = order;
    table.rows.push_back(
        {"",
         {cell, count_cell(slot.accepted), count_cell(slot.deferred), count_cell(slot.fates.first),
          share_cell(slot.fates.held, slot.fates.first),
          share_cell(slot.fates.passed, slot.fates.first), quantile_cell(slot.delays, 0.5),
          quantile_cell(slot.delays, 0.9)}});
  }
  return section(head,
                 svg_columns(chart) + legend(report.fates) + as_table(table) + note(notes::kTimes));
}

std::string days_section(const Report& report) {
  if (report.days.size() < 2) return {};
  std::vector<NamedSlot> slots;
  for (const Slot& day : report.days) {
    const bool few = report.days.size() <= 9;
    slots.push_back({time_text(day.begin, few ? "%a %d" : "%d %b"),
                     time_text(day.begin, report.by_week ? "from %Y-%m-%d" : "%a %Y-%m-%d"), day,
                     double(day.begin)});
  }
  const std::size_t wide = (slots.size() + 11) / 12;
  return times_section(report.by_week ? "By week, from Monday" : "By day",
                       report.by_week ? "week" : "day", report, slots, wide,
                       slots.size() <= 7 ? 1 : (slots.size() / wide + 4) / 5);
}

std::string hours_section(const Report& report) {
  std::vector<NamedSlot> slots;
  for (std::size_t i = 0; i < report.hours.size(); ++i) {
    const std::string name = (i < 10 ? "0" : "") + std::to_string(i);
    slots.push_back({name, name + ":00", report.hours[i], double(i)});
  }
  return times_section("By hour of the day", "hour", report, slots, 2, 3);
}

std::string decisions_section(const Report& report) {
  const Count all = report.accepted() + report.deferred();
  if (all == 0) return section("Decisions", empty("None was made in this time."));
  Table table{{{"reason", ""},
               {"answer", "wide"},
               {"all", "n"},
               {"share", "n"},
               {"UDP", "n"},
               {"policy", "n"},
               {"", "bar wide"}},
              {}};
  for (const bool accepted : {false, true}) {
    for (std::size_t i = 0; i < wire::kReasons; ++i) {
      const Count count = report.udp[i] + report.mta[i];
      if (accepts(i) != accepted || count == 0) continue;
      table.rows.push_back(
          {" data-reason=\"" + std::string(reason_name(i)) + "\"",
           {html_cell(escaped(reason_name(i))), html_cell(accepted ? "accept" : "defer", "wide"),
            count_cell(count), share_cell(count, all), count_cell(report.udp[i]),
            count_cell(report.mta[i]),
            html_cell(svg_bar(count, all, accepted ? "open" : "held"), "bar wide")}});
    }
  }
  return section("Decisions",
                 table_html(table) + note("Together " + grouped(all) + ": accepted " +
                                          percent(report.accepted(), all) + ", deferred " +
                                          percent(report.deferred(), all) + "."));
}

std::string suspects_section(const Report& report) {
  if (!report.sees_suspects()) return {};
  Table table{{{"client", ""}, {"attempts", "n"}, {"came back", "n"}, {"never", "n"}}, {}};
  const auto row = [&](std::string_view name, const SuspectFates& fates) {
    table.rows.push_back({"",
                          {html_cell(escaped(name)), count_cell(fates.first),
                           count_cell(fates.passed), count_cell(fates.never)}});
  };
  row("suspect", report.suspect);
  row("not suspect", report.unsuspect);
  return section("Who is suspect",
                 table_html(table) + note(selection_text(report)) + note(notes::kSuspects));
}

std::string resends_section(const Report& report) {
  const std::string_view head = "What another min resend would have come to";
  if (!says_something(report.resends)) {
    return section(head, empty("No retry has been seen yet that could tell."));
  }
  Table table{{{"min resend", "n"},
               {"let in", "n"},
               {"sooner", "n"},
               {"saved each, at least", "n"},
               {"once more", "n"}},
              {}};
  for (const OtherResend& row : report.resends) {
    const ResendCells cells = cells_of(row);
    const bool shorter = row.min_resend < report.policy.min_resend;
    const auto cell = [&](const std::string& text, double number, bool told) {
      if (!told) return number_cell(-1, "");
      Cell made{text.empty() ? std::string(kNone) : escaped(text), number, "n"};
      return made;
    };
    Cell name = number_cell(double(row.min_resend), cells.min_resend);
    const double each = row.sooner == 0 ? 0 : double(row.saved) / double(row.sooner);
    table.rows.push_back(
        {row.is_now ? " class=\"now\"" : "",
         {name,
          row.is_now ? number_cell(-1, "as it is")
                     : cell(cells.let_in, double(row.let_in), shorter),
          cell(cells.sooner, double(row.sooner), shorter), cell(cells.saved, each, shorter),
          cell(cells.again, double(row.again), !shorter && !row.is_now)}});
  }
  return section(head, table_html(table, "fit") + note(notes::kResends));
}

std::string ranking_html(std::string_view what, const Ranking& ranking) {
  if (ranking.first.empty()) return empty("None.");
  Table table{{{what, ""}, {"deferrals", "n"}, {"", "bar"}}, {}};
  for (const Ranked& row : ranking.first) {
    table.rows.push_back(
        {"",
         {text_cell(row.name), count_cell(row.deferred),
          html_cell(svg_bar(row.deferred, ranking.first.front().deferred, "held"), "bar")}});
  }
  std::string out = table_html(table);
  if (ranking.all > ranking.first.size()) {
    out += note("And " + grouped(ranking.all - ranking.first.size()) + " more.");
  }
  return out;
}

std::string rankings_section(const Report& report) {
  return "<div class=\"pair\">" +
         section("Networks with most deferrals", ranking_html("network", report.networks)) +
         section("Senders' domains with most deferrals", ranking_html("domain", report.domains)) +
         "</div>\n" +
         section("Recipients with most deferrals",
                 ranking_html("recipient", report.recipients) + note(notes::kRankings));
}

std::string longest_section(const Report& report) {
  if (report.longest.empty()) return section("Who waited longest", empty("Nobody yet."));
  Table table{{{"waited", "n"}, {"client", ""}, {"sender", ""}, {"recipient", ""}}, {}};
  for (const Longest& row : report.longest) {
    table.rows.push_back({"",
                          {time_cell(row.waited), text_cell(row.client), text_cell(row.sender),
                           text_cell(row.recipient)}});
  }
  return section("Who waited longest", table_html(table, "people") + note(notes::kLongest));
}

std::string several_section(const Report& report) {
  const std::string_view head = "One message from several addresses";
  if (!report.sees_several()) return section(head, empty(notes::kSeveralHidden));
  if (report.several.empty()) return section(head, empty("None was seen."));
  Table table{{{"network", ""},
               {"messages", "n"},
               {"most addresses", "n"},
               {"that one's sender", ""},
               {"and recipient", ""}},
              {}};
  for (const Several& row : report.several) {
    table.rows.push_back({"",
                          {text_cell(row.network), count_cell(row.messages), count_cell(row.most),
                           text_cell(row.sender), text_cell(row.recipient)}});
  }
  return section(head, table_html(table, "people") + note(notes::kSeveral));
}

std::string other_section(const Report& report) {
  Table table{{{"what", ""}, {"count", "n"}}, {}};
  const auto add = [&](std::string_view name, Count count) {
    if (count > 0) table.rows.push_back({"", {text_cell(name), count_cell(count)}});
  };
  for (const auto& [kind, count] : report.faults) add("no query: " + kind, count);
  add("datagrams from who may not ask", report.foreign);
  add("queries without an answer", report.lost);
  add("records that had to make room", report.evicted);
  return table.rows.empty() ? std::string() : section("Besides", table_html(table));
}

std::string footer(const Report& report, std::optional<Seconds> refresh) {
  std::string out = "<footer><p>Made " + time_text(report.now, "%Y-%m-%d %H:%M:%S %Z");
  out += " from the hourly totals and " + grouped(report.records) + " records.";
  if (refresh) out += " It refreshes itself after " + format_duration(*refresh) + ".";
  return out + "</p></footer>\n";
}

}  // namespace

std::string report_html(const Report& report, std::optional<Seconds> refresh) {
  const std::string title = "Greylisting, " + period_text(report);
  if (report.empty()) {
    const std::string nothing = "<section>" + empty(notes::kEmpty) + "</section>\n";
    return page_html(title, refresh, header(report) + nothing + footer(report, refresh));
  }
  const std::string body = header(report) + tiles(report) + fates_section(report) +
                           delays_section(report) + suspects_section(report) +
                           resends_section(report) + days_section(report) + hours_section(report) +
                           decisions_section(report) + rankings_section(report) +
                           longest_section(report) + several_section(report) +
                           other_section(report) + footer(report, refresh);
  return page_html(title, refresh, body);
}

}  // namespace grey::report
