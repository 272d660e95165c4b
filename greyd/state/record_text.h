// One saved record as one line of text, in the context file and in the journal:
//
//   W <first seen> <client> <sender> <recipient>     a triplet that waits for its good retry
//   B <accepted> <client> <sender> <recipient>       a bounce that has been accepted
//   P <last seen> <client> <sender> <recipient>      a triplet that has passed
//   T <last sprung> <messages> <client>              a client who has written to traps
//   C <last seen> <passes> <client>                  a client and its good retries
//   S <last told> sent:<domain> <theirs> <ours>      ours has written to theirs
//   F <seen> <client> <sender> <recipient>           journal only: this triplet is forgotten
//   F <seen> <client>                                journal only: this client is forgotten
//
// Times are seconds since 1970. Sender and recipient are words of text.h; "<>" is the null sender.
// A client is an address, or "=" and its name as a word ("=unknown"; "=" alone: the empty name), or
// a pool, "spf:" or "name:" and its domain ("spf:example.com"), which counts as one (core/pools.h).
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "greyd/core/record.h"
#include "greyd/wire/client.h"

namespace grey {

void append_client(std::string& out, const Client& client);
void append_record(std::string& out, const SavedRecord& record);  // with its '\n'

// Reads lines one after another. The record of a line lives until the next, and as long as the
// line.
class RecordReader {
 public:
  // `line` without its '\n'. Nothing when it is not a record.
  const SavedRecord* read(std::string_view line);
  // The record that a damaged line ends with: behind half of another one, or behind zeros. No word
  // of a record has a blank in it, so that the end of one is none. Nothing when there is none.
  const SavedRecord* read_end_of(std::string_view line);
  // A line that ends with the call would be read after it.
  template <std::same_as<std::string> Text>
  const SavedRecord* read(Text&& line) = delete;
  template <std::same_as<std::string> Text>
  const SavedRecord* read_end_of(Text&& line) = delete;

 private:
  SavedRecord record_;
  std::string client_, sender_, recipient_;
};

}  // namespace grey
