#include "greyd/state/totals_file.h"

#include <algorithm>
#include <optional>

#include "greyd/base/files.h"
#include "greyd/state/kept_files.h"
#include "greyd/state/totals_text.h"

namespace grey {
namespace {

constexpr std::string_view kHeader = "qmail-greyd totals 1";
constexpr mode_t kMode = 0600;

}  // namespace

std::string totals_path(const std::string& context_file) {
  return context_file + ".totals";
}

ReadTotals read_totals_file(std::string_view text) {
  ReadTotals read;
  const auto bad = [&](std::size_t number, std::string_view why) {
    if (read.bad.empty()) read.bad = std::to_string(number) + ": " + std::string(why);
  };
  bool ended = false;
  std::size_t lines = 0, number = 1;
  std::optional<Seconds> last;
  for (; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (ended) {
      bad(number, "more behind the end");
      break;
    }
    if (number == 1) {
      if (line != kHeader) bad(number, "is not '" + std::string(kHeader) + "'");
    } else if (line.starts_with("end ")) {
      ended = line.substr(4) == std::to_string(lines);
      if (!ended) bad(number, "the number of hours is another");
    } else if (const auto totals = read_totals(line); !totals) {
      bad(number, "are no totals of an hour");
    } else if (last && totals->hour <= *last) {
      bad(number, "is of no later hour than the line before");
    } else {
      last = totals->hour;
      ++lines;
      read.lines.append(line).append("\n");
    }
  }
  if (!ended) bad(number, "has no end line");
  return read;
}

Result<std::string> load_totals(const std::string& path, Seconds now, std::string& note) {
  const auto text = read_file(path);
  if (!text) return tl::make_unexpected(text.error());
  if (!*text) return std::string();
  ReadTotals read = read_totals_file(**text);
  if (read.bad.empty()) return std::move(read.lines);
  const std::string family = path + ".damaged.";
  const auto kept = keep_aside(path, family + std::to_string(now), family);
  if (!kept) return tl::make_unexpected(kept.error());
  note = path + ":" + read.bad + "; kept as " + *kept + ", " +
         std::to_string(std::count(read.lines.begin(), read.lines.end(), '\n')) +
         " hours could be read";
  return std::move(read.lines);
}

Result<void> save_totals(const std::string& path, std::string_view lines) {
  const auto hours = std::count(lines.begin(), lines.end(), '\n');
  std::string text(kHeader);
  text.append("\n").append(lines).append("end ").append(std::to_string(hours)).append("\n");
  return replace_file(path, text, {kMode, {}, {}});
}

}  // namespace grey
