// A list (address_list.h) kept in a cdb: FILE.cdb beside FILE. Loading it is reading it: there is
// nothing to parse, sort or index, however long the list.
//
// Keys are those of EntryLookup, with empty data; the key "/prefixes" has the prefix lengths in
// use, as numbers of the 128-bit form separated by blanks, and "/labels" has domain_labels().
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "greyd/base/error.h"
#include "greyd/lists/address_list.h"

namespace grey {

// A list's text or cdb, whole; nothing when there is no such file. What is no regular file is an
// error, as reading it might never end (a pipe that nobody writes to would stop the daemon at its
// start); /dev/null is an empty list.
Result<std::optional<std::string>> read_list_file(const std::string& path);

struct ListCdb {
  std::string content;
  std::size_t keys = 0;
  // `spf:` entries, which stay in the text: their networks are not known beforehand.
  std::size_t left = 0;
};

// Of the text of a list; `path` is for errors.
Result<ListCdb> make_list_cdb(std::string_view text, const std::string& path);

// The same of the file `path`, and replaces `path`.cdb by it. How many keys it has now.
Result<std::size_t> build_list_cdb(const std::string& path);

// Reads `path`. What happens to the file afterwards does not matter.
Result<std::shared_ptr<const EntryLookup>> open_list_cdb(const std::string& path);

}  // namespace grey
