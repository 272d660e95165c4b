// Which form somebody is given: RFC 9110, 12.5.1.
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>

#include "greyd/metrics/family.h"

namespace grey::metrics {
namespace {

constexpr std::string_view kBlanks = " \t";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// What stands before the first `mark`; `text` becomes what stands behind it.
std::string_view cut(std::string_view& text, char mark) {
  const std::size_t at = text.find(mark);
  const std::string_view before = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return trimmed(before);
}

bool equal(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

// "0.75" as 750. What is no number from 0 to 1 wants nothing.
int thousandths(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return 0;
  int value = text[0] == '1' ? 1000 : 0;
  if (text.size() == 1) return value;
  if (text[1] != '.') return 0;
  int place = 100;
  for (const char c : text.substr(2)) {
    if (c < '0' || c > '9') return 0;
    value += (c - '0') * place;
    place /= 10;
  }
  return std::min(value, 1000);
}

struct Range {
  std::string_view type, version;
  int quality = 1000;
};

Range range_of(std::string_view text) {
  Range range;
  range.type = cut(text, ';');
  while (!text.empty()) {
    std::string_view value = cut(text, ';');
    const std::string_view name = cut(value, '=');
    value = trimmed(value);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    if (equal(name, "q")) range.quality = thousandths(value);
    if (equal(name, "version")) range.version = value;
  }
  return range;
}

// How much one of the two is wanted. The nearest range says it.
class Wanted {
 public:
  // `group`: the ranges that name it less nearly. `versions`: those that are it.
  Wanted(std::string_view type, std::string_view group, std::array<std::string_view, 2> versions)
      : type_(type), group_(group), versions_(versions) {}

  void consider(const Range& range) {
    const bool named = equal(range.type, type_) &&
                       (range.version.empty() || std::ranges::count(versions_, range.version) > 0);
    const int nearness = named ? 3 : equal(range.type, group_) ? 2 : range.type == "*/*" ? 1 : 0;
    if (nearness == 0 || nearness < nearness_) return;
    quality_ = nearness > nearness_ ? range.quality : std::max(quality_, range.quality);
    nearness_ = nearness;
  }
  int quality() const { return quality_; }
  bool is_named() const { return nearness_ == 3; }

 private:
  std::string_view type_, group_;
  std::array<std::string_view, 2> versions_;
  int nearness_ = 0, quality_ = 0;
};

}  // namespace

Format format_for(std::string_view accept) {
  // 0.0.1 is what OpenMetrics was called before it was one; who asks for that takes this.
  Wanted openmetrics("application/openmetrics-text", "application/*", {"1.0.0", "0.0.1"});
  Wanted text("text/plain", "text/*", {"0.0.4", "0.0.4"});
  while (!accept.empty()) {
    const Range range = range_of(cut(accept, ','));
    openmetrics.consider(range);
    text.consider(range);
  }
  if (openmetrics.quality() != text.quality()) {
    return openmetrics.quality() > text.quality() ? Format::openmetrics : Format::text;
  }
  return openmetrics.is_named() && openmetrics.quality() > 0 ? Format::openmetrics : Format::text;
}

}  // namespace grey::metrics
