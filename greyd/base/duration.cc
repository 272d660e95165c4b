#include "greyd/base/duration.h"

#include <array>
#include <charconv>

namespace grey {
namespace {

struct Unit {
  char letter;
  Seconds seconds;
};
constexpr std::array<Unit, 5> kUnits = {
    {{'w', Seconds{7} * 86400}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}}};

}  // namespace

std::optional<Seconds> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  Seconds total = 0;
  std::size_t smallest = 0;  // the units before it are behind us
  while (!text.empty()) {
    if (text.front() < '0' || text.front() > '9') return std::nullopt;
    Seconds number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end == text.data() + text.size()) return std::nullopt;
    while (smallest < kUnits.size() && kUnits[smallest].letter != *end) ++smallest;
    if (smallest == kUnits.size()) return std::nullopt;
    const Seconds unit = kUnits[smallest++].seconds;
    if (number > (kMaxDuration - total) / unit) return std::nullopt;
    total += number * unit;
    text.remove_prefix(std::size_t(end + 1 - text.data()));
  }
  return total;
}

std::string format_duration(Seconds duration) {
  std::string text = duration < 0 ? "-" : "";
  Seconds left = duration < 0 ? -duration : duration;
  int shown = 0;
  for (const Unit& unit : kUnits) {
    if (unit.letter == 'w') continue;  // nobody reads "4w 2d" as a month
    if (shown == 0 && left < unit.seconds && unit.letter != 's') continue;
    if (shown == 1 && left / unit.seconds > 0) text += ' ';
    if (shown == 0 || left / unit.seconds > 0) {
      text += std::to_string(left / unit.seconds) + unit.letter;
    }
    left %= unit.seconds;
    if (++shown == 2) break;
  }
  return text;
}

std::string write_duration(Seconds duration) {
  std::string text;
  for (const Unit& unit : kUnits) {
    const Seconds number = duration / unit.seconds;
    if (unit.letter == 'w' || number == 0) continue;
    text += std::to_string(number) + unit.letter;
    duration %= unit.seconds;
  }
  return text.empty() ? "0s" : text;
}

}  // namespace grey
