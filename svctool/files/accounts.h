// The users that a plan names: found, made, and asked what they may do.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "greyd/base/error.h"
#include "svctool/plan/plan.h"

namespace grey::svctool {

struct Account {
  uid_t uid = 0;
  gid_t gid = 0;
};
using Accounts = std::map<std::string, Account>;

// Those of plan.users that exist; a group alone owns nothing, and is none.
Accounts find_accounts(const Plan& plan);

// An error when the process may not give files to one of them.
Result<void> may_give_files_to(const Accounts& accounts);

// The users of `plan` that are not in `accounts`, and its groups that do not exist.
std::vector<User> missing_users(const Plan& plan, const Accounts& accounts);

// Makes system users without a shell or a home, each with a group of its name, which may be there
// already; and groups. What was made is taken back at the end of the scope unless keep() was
// called.
class NewUsers {
 public:
  NewUsers() = default;
  NewUsers(const NewUsers&) = delete;
  NewUsers& operator=(const NewUsers&) = delete;
  ~NewUsers();
  Result<void> create(const std::vector<User>& users);
  void keep() { undo_.clear(); }

 private:
  Result<void> create_group(const std::string& name);

  std::vector<std::vector<std::string>> undo_;  // commands
};

// Tries, as that user, what an Access asks for. A path that is yet to be made must be reachable.
// Empty when it can, or when only root could try; or such as "user x cannot read /y: Permission
// denied (remedy)".
std::string try_access(const Access& access, const Accounts& accounts);

}  // namespace grey::svctool
