// Who the daemon is, once its ports are open.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "greyd/base/error.h"

namespace grey {

// Becomes `user` for good: its group, no others, no capability, and no way back. Stays who it is
// when empty.
// `lent`: a group that may be put on once more (GroupOnLoan), which must be before anything from
// outside is read.
Result<void> drop_privileges(const std::string& user, std::optional<gid_t> lent = {});

// Nothing for an empty name. An error when there is no such group.
Result<std::optional<gid_t>> find_group(const std::string& name);

// While it stands, files that are made belong to `group`; its end gives the group up for good.
class GroupOnLoan {
 public:
  explicit GroupOnLoan(std::optional<gid_t> group);
  ~GroupOnLoan();
  GroupOnLoan(const GroupOnLoan&) = delete;
  GroupOnLoan& operator=(const GroupOnLoan&) = delete;

  int error() const { return error_; }  // 0, or the errno of what has failed

 private:
  gid_t own_ = 0;
  bool lent_ = false;
  int error_ = 0;
};

}  // namespace grey
