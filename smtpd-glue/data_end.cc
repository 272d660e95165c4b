#include "smtpd-glue/data_end.h"

#include <cstring>

namespace grey::smtp {

// To the start of the next line, or to the end of `bytes`.
std::size_t DataEndScanner::skip_line(std::string_view bytes, std::size_t from) {
  const std::size_t lf = bytes.find('\n', from);
  if (lf == std::string_view::npos) {
    after_cr_ = bytes.back() == '\r';
    return bytes.size();
  }
  start_is_strict_ = lf > from ? bytes[lf - 1] == '\r' : after_cr_;
  at_ = At::line_start;
  return lf + 1;
}

// The octet after "." at the start of a line, or after "." and CRs.
DataEnd DataEndScanner::dot_line(char next) {
  if (next == '\n') {
    const bool strict = start_is_strict_ && at_ == At::dot_cr && one_cr_;
    *this = DataEndScanner();
    return strict ? DataEnd::strict : DataEnd::lax;
  }
  after_cr_ = next == '\r';
  one_cr_ = after_cr_ && at_ == At::dot;
  at_ = after_cr_ ? At::dot_cr : At::inside;
  return DataEnd::none;
}

DataEndScanner::Result DataEndScanner::scan(std::string_view bytes) {
  std::size_t i = 0;
  while (i < bytes.size()) {
    if (at_ == At::inside) {
      i = skip_line(bytes, i);
      continue;
    }
    const char next = bytes[i++];
    if (at_ != At::line_start) {
      const DataEnd end = dot_line(next);
      if (end != DataEnd::none) return {i, end};
    } else if (next == '\n') {
      start_is_strict_ = false;
    } else {
      after_cr_ = next == '\r';
      at_ = next == '.' ? At::dot : At::inside;
    }
  }
  return {bytes.size(), DataEnd::none};
}

}  // namespace grey::smtp
