// Cuts what a server says into reply lines, wherever the stream is cut, and over-long lines into
// pieces.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "smtpd-glue/greysmtpd/smtp_syntax.h"

namespace grey::smtp {

constexpr std::size_t kMaxReplyPiece = 65536;  // octets; RFC 5321 allows 512 for a line

class ReplyReader {
 public:
  // Takes octets up to the end of the piece that is being read, and returns how many.
  std::size_t take(std::string_view bytes);

  // The piece is complete. What follows is about it, and valid until the next take().
  bool complete() const { return complete_; }
  std::string_view piece() const { return piece_; }
  bool begins_line() const { return begins_line_; }
  bool ends_line() const { return piece_.back() == '\n'; }
  ReplyLine line() const { return line_; }  // the one that the piece belongs to

  // What was taken of an unfinished piece; it is forgotten.
  std::string release();

 private:
  std::string piece_;
  bool complete_ = false;
  bool begins_line_ = true;
  ReplyLine line_;
};

}  // namespace grey::smtp
