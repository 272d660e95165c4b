#include "greyd/lists/list_lines.h"

namespace grey {
namespace {

// Without blanks around it.
std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\f\v";
  const std::size_t from = text.find_first_not_of(kSpace);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kSpace) - from + 1);
}

std::string_view without_comment(std::string_view line) {
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') quoted = !quoted;
    if (quoted && line[i] == '\\') ++i;
    if (!quoted && line[i] == '#') return line.substr(0, i);
  }
  return line;
}

}  // namespace

ListLines::ListLines(std::string_view text) : rest_(text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // as some editors begin a file
  if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
}

std::optional<ListLines::Line> ListLines::next() {
  while (!rest_.empty()) {
    ++lines_;
    const std::size_t end = rest_.find('\n');
    const std::string_view whole = trim(rest_.substr(0, end));
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (whole.find_first_of(std::string_view("\r\0", 2)) != whole.npos) {
      return Line{lines_, whole, true};
    }
    const std::string_view line = trim(without_comment(whole));
    if (!line.empty()) return Line{lines_, line, false};
  }
  return std::nullopt;
}

}  // namespace grey
