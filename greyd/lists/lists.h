// The operator's lists, and how they are loaded from their files.
#pragma once

#include <string>

#include "greyd/base/error.h"
#include "greyd/lists/address_list.h"
#include "greyd/lists/rule_list.h"

namespace grey {

// The lists in force.
struct Lists {
  AddressList whitelist;
  AddressList blacklist;
  // Entries that were made by command, with the same meaning (core/entries.h).
  AddressList allowed{}, blocked{};
  RuleList rules{};
};

// The files that they come from. An empty path is an empty list.
struct ListFiles {
  std::string whitelist, blacklist;
  std::string rules{};
  RuleLimits limits{};  // of the rules
};

// Each list is the text file FILE and, where it exists, FILE.local: the operator's own beside one
// that is shipped, which no upgrade touches. Either may have a cdb beside it (FILE.cdb,
// FILE.local.cdb; see list_cdb.h), or be only that. Rules are one text, as their order counts. A
// list that is named and is not there is an error, as is a bad line: half a whitelist would defer
// mail that must pass.
Result<Lists> load_lists(const ListFiles& files);

}  // namespace grey
