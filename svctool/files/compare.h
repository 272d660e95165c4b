// The walk over a plan that looks at the machine. Installing, showing and checking all start from
// the changes it finds.
#pragma once

#include <string>
#include <vector>

#include "greyd/base/error.h"
#include "greyd/base/files.h"
#include "svctool/files/accounts.h"
#include "svctool/plan/plan.h"

namespace grey::svctool {

struct Change {
  enum class Type {
    create,
    remove,      // a file
    content,     // of a file, perhaps mode and owner, too
    attributes,  // mode or owner alone
    in_the_way,  // something else is there: cannot be installed
  };
  Type type = Type::create;
  const Entry* entry = nullptr;  // in the plan, which must outlive this
  std::string path;              // where it is written: below --destdir
  std::string old_content;       // of a file that is removed or whose content differs
  // attributes: "mode 0600 -> 0644"; in_the_way: "it is not a directory". For the operator.
  std::string detail;
  bool given = false;  // a file in the directory that `entry` is, which gets its owner alone
  bool taken = false;  // another's, which goes to whoever runs svctool
};

struct Comparison {
  std::vector<Change> changes;  // in the plan's order; files that are given away come last
  bool new_service = false;
};

// Owners that are not in `accounts` are not
// compared.
Result<Comparison> compare(const Plan& plan, const Accounts& accounts, const Destdir& destdir);

// The mode and owner that a change gives to what is written.
FileMode mode_of(const Change& change, const Accounts& accounts);
FileMode mode_of_file(const std::string& path, const FileMode& when_missing);

}  // namespace grey::svctool
