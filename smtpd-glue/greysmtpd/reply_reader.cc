#include "smtpd-glue/greysmtpd/reply_reader.h"

#include <algorithm>
#include <utility>

namespace grey::smtp {

std::size_t ReplyReader::take(std::string_view bytes) {
  if (complete_) {
    begins_line_ = ends_line();
    complete_ = false;
    piece_.clear();
  }
  const std::size_t line = std::min(bytes.find('\n'), bytes.size() - 1) + 1;
  const std::size_t size = std::min(line, kMaxReplyPiece - piece_.size());
  piece_.append(bytes.substr(0, size));
  complete_ = ends_line() || piece_.size() == kMaxReplyPiece;
  if (complete_ && begins_line_) line_ = parse_reply_line(piece_);
  return size;
}

std::string ReplyReader::release() {
  return complete_ ? std::string() : std::exchange(piece_, {});
}

}  // namespace grey::smtp
