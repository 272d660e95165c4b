// A process that only asks and shows keeps no privilege.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "greyd/base/error.h"

namespace grey::greyctl {

// Whom root becomes.
struct LesserUser {
  uid_t user = 0;
  gid_t group = 0;
  std::optional<gid_t> other_group;  // that of the socket, where the user is in it
  std::string name;                  // "greyd", or "uid 1002" where it has none
};

// Who is to ask at the control socket `control`: `name`; where that is empty the owner of the
// socket, or of its directory while there is none. An error where that is root.
Result<LesserUser> find_lesser_user(const std::string& name, const std::string& control);

// Root becomes that user for good, in no group but those named. Who is not root stays who it is: an
// error where that is not whom `name` names. Either way no capability is left, and no program that
// is started later gets more (PR_SET_NO_NEW_PRIVS). What has to be opened by root is to be open,
// and no thread begun.
Result<void> give_up_privileges(const std::string& name, const std::string& control);

}  // namespace grey::greyctl
