#include "greyd/state/framed_text.h"

#include <charconv>

namespace grey {

std::optional<Seconds> read_time(std::string_view text) {
  Seconds time = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), time);
  if (error != std::errc() || end != text.data() + text.size() || time < 0) return std::nullopt;
  return time;
}

std::string FrameReader::read(std::string_view text) const {
  std::string first_bad;
  bool ended = false;
  std::size_t number = 1;
  const auto bad = [&](std::string_view why) {
    if (first_bad.empty()) first_bad = std::to_string(number) + ": " + std::string(why);
  };
  for (; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (ended) {
      bad("more behind the end");
      return first_bad;
    }
    if (number == 1) {
      if (line != header) bad("is not '" + std::string(header) + "'");
    } else if (line.starts_with("end ")) {
      ended = line.substr(4) == std::to_string(count());
      if (!ended) bad("the number of " + std::string(counted) + " is another");
    } else if (const std::string why = take(line); !why.empty()) {
      bad(why);
    }
  }
  if (!ended) bad("has no end line");
  return first_bad;
}

}  // namespace grey
