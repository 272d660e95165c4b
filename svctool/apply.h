// A plan's way to the disk. compare() is the one walk over the list that looks at the machine;
// installing, a dry run and a check all start from the changes it finds.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "greyd/error.h"
#include "svctool/service_dir.h"

namespace grey::svctool {

struct Account {
  uid_t uid = 0;
  gid_t gid = 0;
};
using Accounts = std::map<std::string, Account>;

struct Change {
  enum class Type { create, content, attributes };
  Type type = Type::create;
  const Entry* entry = nullptr;  // in the plan, which must outlive this
  std::string path;              // where it is written: below --destdir
  std::string old_content;       // of a file whose content differs
};

struct Comparison {
  std::vector<Change> changes;
  bool new_service = false;
};

// The accounts that a plan names. An error when one does not exist, or when the process may not
// give files to it.
Result<Accounts> find_accounts(const Plan& plan);

// Tries, as that user, what plan.access asks for. A path that is yet to be made must be reachable.
Result<void> check_access(const Plan& plan, const Accounts& accounts);

// `destdir`: prefix of every path; may be empty.
Result<Comparison> compare(const Plan& plan, const Accounts& accounts, const std::string& destdir);

// Makes all changes or none. A new service directory appears complete, by one rename, as a running
// svscan looks for new ones every five seconds and starts what it finds.
Result<void> install(const Plan& plan, const Comparison& comparison, const Accounts& accounts,
                     const std::string& destdir);

// One line for the operator, such as "change /service/x/variables/Y: '5' -> '6'".
std::string describe(const Change& change);

}  // namespace grey::svctool
