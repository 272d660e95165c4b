// Finds the end of a message's content in the stream after DATA's 354.
//
// The end is CRLF "." CRLF, and all servers agree on that one. But they differ in what else ends a
// message: a line broken by a bare LF (mailfront, Postfix, Exim after a first line of that kind),
// CRs before the dot (mailfront) or more than one behind it (Postfix); others take some of these as
// content, or as a reason to hang up (qmail-smtpd). Where the two ends of a connection disagree on
// this, content of the one becomes commands of the other. So whatever could be an end for anybody
// is told apart, as lax, and the caller must not let anything follow it before the server has said
// what it made of it.
//
// Lax is a dot at the beginning of the content, after LF or CR, or after NULs that follow one of
// these, with nothing but CRs, NULs and blanks between it and the next LF. No client that keeps to
// RFC 5321 sends that (2.3.8: no CR or LF alone; 4.5.2: a dot at a line's start is doubled).
// tests/data/smtp_ends/ has what real servers take for an end.
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
  enum class Strict : std::uint8_t { none, cr, line_start, dot, dot_cr };
  DataEnd take(char c);
  DataEnd take_lf();

  Strict strict_ = Strict::line_start;  // how much of CRLF "." CRLF was just seen
  bool may_start_ = true;               // a dot may be the first of a line for somebody
  bool may_end_ = false;                // LF may be the end for somebody
};

}  // namespace grey::smtp
