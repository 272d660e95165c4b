// Lines of fields that stand apart by one blank.
#pragma once

#include <string_view>

namespace grey {

// The text up to the next blank, taken off `line` with that blank.
inline std::string_view take_field(std::string_view& line) {
  const std::size_t end = line.find(' ');
  const std::string_view field = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return field;
}

}  // namespace grey
