#include "svctool/plan/diff.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace grey::svctool {
namespace {

constexpr std::size_t kContext = 3;
constexpr std::size_t kMaxPairs = 1'000'000;

using Lines = std::vector<std::string_view>;  // each with its newline, when it has one

Lines split(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t newline = text.find('\n');
    const std::size_t size = newline == std::string_view::npos ? text.size() : newline + 1;
    lines.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return lines;
}

struct Line {
  char sign = ' ';  // ' ', '-' or '+'
  std::string_view text;
};

// The parts [first, last) that differ, as removed, added and equal lines in order: by the longest
// common subsequence, lengths[i][j] being that of the lines from i and j on.
void append_middle(const Lines& before, const Lines& after, std::vector<Line>& script) {
  const std::size_t rows = before.size(), columns = after.size();
  const bool too_many = columns != 0 && rows > kMaxPairs / columns;
  std::vector<std::uint32_t> lengths(too_many ? 0 : (rows + 1) * (columns + 1));
  const auto at = [&](std::size_t i, std::size_t j) -> std::uint32_t& {
    return lengths[i * (columns + 1) + j];
  };
  for (std::size_t i = rows; !too_many && i-- > 0;) {
    for (std::size_t j = columns; j-- > 0;) {
      at(i, j) =
          before[i] == after[j] ? at(i + 1, j + 1) + 1 : std::max(at(i + 1, j), at(i, j + 1));
    }
  }
  std::size_t i = 0, j = 0;
  while (i < rows || j < columns) {
    if (i < rows && j < columns && !too_many && before[i] == after[j]) {
      script.push_back({' ', before[i++]});
      ++j;
    } else if (i < rows && (j == columns || too_many || at(i + 1, j) >= at(i, j + 1))) {
      script.push_back({'-', before[i++]});
    } else {
      script.push_back({'+', after[j++]});
    }
  }
}

std::vector<Line> edit_script(Lines before, Lines after) {
  std::vector<Line> script;
  std::size_t same = 0;
  while (same < before.size() && same < after.size() && before[same] == after[same]) ++same;
  std::size_t tail = 0;
  while (tail < before.size() - same && tail < after.size() - same &&
         before[before.size() - 1 - tail] == after[after.size() - 1 - tail]) {
    ++tail;
  }
  for (std::size_t i = 0; i < same; ++i) script.push_back({' ', before[i]});
  const auto middle = [&](const Lines& lines) {
    return Lines(lines.begin() + std::ptrdiff_t(same), lines.end() - std::ptrdiff_t(tail));
  };
  append_middle(middle(before), middle(after), script);
  for (std::size_t i = before.size() - tail; i < before.size(); ++i) {
    script.push_back({' ', before[i]});
  }
  return script;
}

// "12,3"; a single line is "12"; no line at all is named by the one before it.
std::string range(std::size_t first, std::size_t count) {
  if (count == 1) return std::to_string(first + 1);
  return std::to_string(count == 0 ? first : first + 1) + "," + std::to_string(count);
}

void append_hunk(const std::vector<Line>& script, std::size_t begin, std::size_t end,
                 std::size_t first_before, std::size_t first_after, std::string& out) {
  std::size_t removed = 0, added = 0;
  std::string body;
  for (std::size_t i = begin; i < end; ++i) {
    removed += script[i].sign != '+';
    added += script[i].sign != '-';
    body += script[i].sign;
    body.append(script[i].text);
    if (!script[i].text.ends_with('\n')) body += "\n\\ No newline at end of file\n";
  }
  out += "@@ -" + range(first_before, removed) + " +" + range(first_after, added) + " @@\n" + body;
}

}  // namespace

std::string unified_diff(std::string_view before_name, std::string_view before,
                         std::string_view after_name, std::string_view after) {
  if (before == after) return {};
  const std::vector<Line> script = edit_script(split(before), split(after));
  std::string out = "--- ";
  out.append(before_name).append("\n+++ ").append(after_name).append("\n");
  std::size_t done = 0;                // lines of the script that were looked at
  std::size_t line = 0, new_line = 0;  // those of both texts up to there
  const auto advance = [&](std::size_t to) {
    for (; done < to; ++done) {
      line += script[done].sign != '+';
      new_line += script[done].sign != '-';
    }
  };
  for (;;) {
    std::size_t begin = done;
    while (begin < script.size() && script[begin].sign == ' ') ++begin;
    if (begin == script.size()) return out;
    // The hunk goes on while the next change is near enough for both contexts to touch.
    std::size_t end = begin + 1;
    for (std::size_t i = end; i < script.size() && i < end + 2 * kContext + 1; ++i) {
      if (script[i].sign != ' ') end = i + 1;
    }
    begin -= std::min(begin - done, kContext);
    end = std::min(end + kContext, script.size());
    advance(begin);
    append_hunk(script, begin, end, line, new_line, out);
    advance(end);
  }
}

}  // namespace grey::svctool
