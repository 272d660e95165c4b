// The journal's text: changes since the last snapshot, in batches, each with a checksum.
//
//   qmail-greyd journal 1
//   <changes of one batch, lines of record_text.h>
//   = <XXH3-64 of the batch's lines, 16 hexadecimal digits>
//   ...
//
// Lines at the end without a checksum line are torn: they were being written when the daemon or the
// machine died. Each line stands for itself, so whatever has happened to a journal, the lines that
// are whole are read, also those behind a damage. Pure: no file is touched here.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "greyd/core/record.h"

namespace grey {

constexpr std::string_view kJournalHeader = "qmail-greyd journal 1\n";

// Appended to a damaged journal: ends the line and the batch that it ends in, with a checksum that
// is wrong, so that the next batch is one by itself.
constexpr std::string_view kEndOfDamage = "\n= 0000000000000000\n";

// Ends the batch that `lines` holds from its first byte on. REQUIRES: not empty.
void end_batch(std::string& lines);

struct JournalContent {
  std::size_t changes = 0;  // given to the visitor
  std::size_t bad = 0;  // lines that could not be read, or only in part; what each was is not known
  std::string damage;   // what is wrong, in words; empty for a whole or a torn journal

  // Of one that is whole or torn:
  std::size_t torn = 0;       // bytes at its end that are no whole line of a batch
  std::size_t good_size = 0;  // bytes up to there
  std::string ending;         // the checksum line that these then lack; empty when they lack none
};

// Calls `visit` for each change in order, also of a batch that is torn or whose checksum is wrong.
JournalContent read_journal(std::string_view text,
                            const std::function<void(const SavedRecord&)>& visit);

}  // namespace grey
