// The journal's text: changes since the last snapshot, in batches, each with a checksum.
//
//   qmail-greyd journal 1
//   <changes of one batch, lines of record_text.h>
//   = <XXH3-64 of the batch's lines, 16 hexadecimal digits>
//   ...
//
// A batch without its checksum line at the end is torn: it was being written when the daemon or the
// machine died, so nothing of it was answered yet. Pure: no file is touched here.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "greyd/record_text.h"

namespace grey {

constexpr std::string_view kJournalHeader = "qmail-greyd journal 1\n";

// Ends the batch that `lines` holds from its first byte on. REQUIRES: not empty.
void end_batch(std::string& lines);

struct JournalContent {
  std::size_t changes = 0;    // given to the visitor
  std::size_t lost = 0;       // lines that could not be read
  std::size_t torn = 0;       // bytes at the end that are no whole batch
  std::size_t good_size = 0;  // bytes up to there
  std::string damage;         // what is wrong, in words; empty for a whole or a torn journal
};

// Calls `visit` for each change in order. Of a batch with a wrong checksum those lines are given
// that can be read.
JournalContent read_journal(std::string_view text,
                            const std::function<void(const SavedRecord&)>& visit);

}  // namespace grey
