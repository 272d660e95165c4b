#include "greyd/state/totals_file.h"

#include <algorithm>
#include <optional>

#include "greyd/base/files.h"
#include "greyd/state/framed_file.h"
#include "greyd/state/framed_text.h"
#include "greyd/state/totals_text.h"

namespace grey {
namespace {

constexpr std::string_view kHeader = "qmail-greyd totals 1";
constexpr mode_t kMode = 0600;
constexpr off_t kMaxFile = 64 << 20;  // ten times those of the busiest server

}  // namespace

std::string totals_path(const std::string& context_file) {
  return context_file + ".totals";
}

ReadTotals read_totals_file(std::string_view text) {
  ReadTotals read;
  std::size_t hours = 0;
  std::optional<Seconds> last;
  const auto take = [&](std::string_view line) -> std::string {
    const auto totals = read_totals(line);
    if (!totals) return "are no totals of an hour";
    if (last && totals->hour <= *last) return "is of no later hour than the line before";
    last = totals->hour;
    ++hours;
    append_totals(read.lines, *totals);  // what else stands in it is nobody's to hand on
    return {};
  };
  read.bad = FrameReader{kHeader, "hours", take, [&] { return hours; }}.read(text);
  return read;
}

Result<std::string> load_totals(const std::string& path, Seconds now, std::string& note) {
  ReadTotals read;
  const auto take = [&](std::string_view text) {
    read = read_totals_file(text);
    return read.bad;
  };
  const auto loss = [&] {
    return std::to_string(std::count(read.lines.begin(), read.lines.end(), '\n')) +
           " hours could be read";
  };
  const auto loaded = FramedFile{path, kMaxFile, take, loss}.load(now, note);
  if (!loaded) return tl::make_unexpected(loaded.error());
  return std::move(read.lines);
}

Result<void> save_totals(const std::string& path, std::string_view lines) {
  const auto hours = std::count(lines.begin(), lines.end(), '\n');
  std::string text(kHeader);
  text.append("\n").append(lines).append("end ").append(std::to_string(hours)).append("\n");
  return replace_file(path, text, {kMode, {}, {}});
}

}  // namespace grey
