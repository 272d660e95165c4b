#include "smtpd-glue/greysmtpd/data_end.h"

#include <algorithm>

namespace grey::smtp {
namespace {

// What an end may be made of.
bool matters(char c) {
  return c == '.' || c == '\r' || c == '\n' || c == '\0' || c == ' ' || c == '\t';
}

// Where the octets begin that matter for what follows `bytes`. After a second dot it does not
// matter what was before them.
std::size_t tail_of(std::string_view bytes) {
  std::size_t begin = bytes.size();
  while (begin > 0 && matters(bytes[begin - 1])) {
    --begin;
    if (begin > 0 && bytes[begin] == '.' && bytes[begin - 1] == '.') break;
  }
  return begin;
}

}  // namespace

DataEnd DataEndScanner::take_lf() {
  const bool strict = strict_ == Strict::dot_cr;
  if (may_end_) {
    *this = DataEndScanner();
    return strict ? DataEnd::strict : DataEnd::lax;
  }
  strict_ = strict_ == Strict::cr ? Strict::line_start : Strict::none;
  may_start_ = true;
  return DataEnd::none;
}

DataEnd DataEndScanner::take(char c) {
  switch (c) {
    case '\n':
      return take_lf();
    case '\r':
      strict_ = strict_ == Strict::dot ? Strict::dot_cr : Strict::cr;
      may_start_ = true;
      break;
    case '.':
      strict_ = strict_ == Strict::line_start ? Strict::dot : Strict::none;
      may_end_ = may_start_;
      may_start_ = false;
      break;
    default:
      strict_ = Strict::none;
      may_start_ = may_start_ && c == '\0';
      may_end_ = may_end_ && matters(c);
  }
  return DataEnd::none;
}

// Line by line: only a line's last octets can make a difference, and the first of those before them
// makes the scanner forget what was.
DataEndScanner::Result DataEndScanner::scan(std::string_view bytes) {
  for (std::size_t from = 0; from < bytes.size();) {
    const std::size_t lf = bytes.find('\n', from);
    const std::size_t to = lf == std::string_view::npos ? bytes.size() : lf + 1;
    const std::size_t tail = from + tail_of(bytes.substr(from, to - from));
    for (std::size_t i = tail > from ? tail - 1 : tail; i < to; ++i) {
      const DataEnd end = take(bytes[i]);
      if (end != DataEnd::none) return {i + 1, end};
    }
    from = to;
  }
  return {bytes.size(), DataEnd::none};
}

}  // namespace grey::smtp
