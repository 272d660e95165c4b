// Finds the end of a message's content in the stream after DATA's 354.
//
// The end is CRLF "." CRLF, and all servers agree on that one. Some (mailfront among them) also end
// at lines that are broken by a bare LF; others take those as content, or as a reason to hang up
// (qmail-smtpd). Where the two ends of a connection disagree on this, content of the one becomes
// commands of the other: so an end of the second kind is told apart, as lax, and the caller must
// not let anything follow it before the server has said what it made of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace grey::smtp {

enum class DataEnd : std::uint8_t { none, strict, lax };

class DataEndScanner {
 public:
  struct Result {
    std::size_t taken;  // octets up to and including the end, or all
    DataEnd end;
  };
  // The content's next octets, cut anywhere. After an end the scanner is as new.
  Result scan(std::string_view bytes);

 private:
  enum class At : std::uint8_t { line_start, dot, dot_cr, inside };
  std::size_t skip_line(std::string_view bytes, std::size_t from);
  DataEnd dot_line(char next);

  At at_ = At::line_start;
  bool start_is_strict_ = true;  // the line began after CRLF, or is the first
  bool after_cr_ = false;        // the octet before was CR
  bool one_cr_ = false;          // exactly one CR after the dot
};

}  // namespace grey::smtp
