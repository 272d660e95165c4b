// One saved record as one line of text, as the context file has it:
//
//   W <first seen> <client> <sender> <recipient>     a triplet that waits for its good retry
//   P <last seen> <client> <sender> <recipient>      a triplet that has passed
//   C <last seen> <passes> <client>                  a client and its good retries
//
// Times are seconds since 1970. Sender and recipient are words of text.h; "<>" is the null sender.
#pragma once

#include <string>
#include <string_view>

#include "greyd/greylist.h"

namespace grey {

void append_record(std::string& out, const SavedRecord& record);  // with its '\n'

// Reads lines one after another. The record of a line lives until the next.
class RecordReader {
 public:
  // `line` without its '\n'. Nothing when it is not a record.
  const SavedRecord* read(std::string_view line);

 private:
  SavedRecord record_;
  std::string sender_, recipient_;
};

}  // namespace grey
