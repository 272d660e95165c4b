// Redis' protocol (RESP2), by hiredis: the only part that knows it.
//
// Not by its asynchronous interface: that of 0.14 has no time-outs, and ends the whole process by
// an assertion when a server answers what nobody has asked.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/store/fault.h"
#include "greyd/store/reply.h"

namespace grey {

// Appends one command. REQUIRES: `words` is not empty.
void append_command(std::string& out, const std::vector<std::string>& words);
// The same in parts: of so many words, which are to follow.
void begin_command(std::string& out, std::size_t words);
void append_bulk(std::string& out, std::string_view word);

// What comes from a server, cut into replies. Bounded, whatever is sent: larger replies are faults.
class ReplyReader {
 public:
  // Of one reply, as it is sent. Not more: until a line has come whole, hiredis looks at all of it
  // each time that more comes.
  static constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
  static constexpr std::size_t kMaxItems = 65'536;  // of one reply, at all depths

  ReplyReader();
  ~ReplyReader();
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  // False: there is no memory for it. What has been fed should be taken by next() until it has no
  // more, before more is fed: that looks at the bounds.
  bool feed(std::string_view bytes);
  // The next whole reply, a Kind::error among them; nothing when more must come first. After a
  // failure it has no more replies.
  tl::expected<std::optional<Reply>, Failure> next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grey
