// The lines of what operators write: lists and rules. '#' starts a comment, also after an entry; a
// '#' in double quotes does not. Blank lines are skipped.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace grey {

class ListLines {
 public:
  explicit ListLines(std::string_view text);

  struct Line {
    std::uint32_t number = 0;  // from 1
    std::string_view text;     // without comment and blanks; the whole line where it is strange
    // Other line ends, or another encoding: what seems to be one line, or one comment, is many.
    bool strange = false;
  };
  // The next one that says something.
  std::optional<Line> next();
  std::uint32_t lines() const { return lines_; }  // so far, with those that say nothing

 private:
  std::string_view rest_;
  std::uint32_t lines_ = 0;
};

}  // namespace grey
