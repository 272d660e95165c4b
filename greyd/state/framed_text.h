// A text that is known to be whole: a first line with its form's name, lines, and "end N", N of
// them.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "greyd/base/seconds.h"

namespace grey {

// A time in such a line, in seconds since 1970, in decimal; nothing for what is none.
std::optional<Seconds> read_time(std::string_view text);

struct FrameReader {
  std::string_view header;
  std::string_view counted;  // what N is the number of
  // Takes a line, or says why it is none of ours.
  std::function<std::string(std::string_view line)> take;
  std::function<std::size_t()> count;  // of what was taken

  // The first line that is bad, and why: "3: is no entry"; empty: none is. What follows a bad one
  // is read all the same.
  std::string read(std::string_view text) const;
};

}  // namespace grey
