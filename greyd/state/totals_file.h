// Hourly totals on the disk, in NAME.totals: a header, the lines of totals_text.h, and their
// number.
//
//   qmail-greyd totals 1
//   {"hour":1764172800,"udp":{"new":12},"first":12}
//   end 1
#pragma once

#include <string>
#include <string_view>

#include "greyd/base/error.h"
#include "greyd/base/seconds.h"

namespace grey {

std::string totals_path(const std::string& context_file);

// What of such a file can be read: its lines, each of which read_totals() takes and of a later hour
// than the one before, with their newlines. `bad`: the first that is not, and why; empty: none.
struct ReadTotals {
  std::string lines;
  std::string bad;
};
ReadTotals read_totals_file(std::string_view text);

// The lines. Of no file: none. One that is damaged gets a second name, NAME.totals.damaged.<now>,
// before its good lines are taken, and `note` says so. An error when it is there and cannot be read
// or kept.
Result<std::string> load_totals(const std::string& path, Seconds now, std::string& note);

// Replaces the file by one of these lines. Takes as long as the disk does.
Result<void> save_totals(const std::string& path, std::string_view lines);

}  // namespace grey
