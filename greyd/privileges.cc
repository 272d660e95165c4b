#include "greyd/privileges.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "greyd/base/files.h"
#include "greyd/sandbox/capabilities.h"

namespace grey {
namespace {

// Not root, so there is nothing to give up: fine if this is `user` already, and only that.
Result<void> stay(const std::string& user, const passwd& entry) {
  uid_t real, effective, saved;
  gid_t real_group, effective_group, saved_group;
  gid_t groups[2];
  const bool same = ::getresuid(&real, &effective, &saved) == 0 && real == entry.pw_uid &&
                    effective == entry.pw_uid && saved == entry.pw_uid &&
                    ::getresgid(&real_group, &effective_group, &saved_group) == 0 &&
                    real_group == entry.pw_gid && effective_group == entry.pw_gid &&
                    saved_group == entry.pw_gid;
  if (!same) return failure("cannot become user " + user + ": not started as root or as that user");
  const int others = ::getgroups(2, groups);
  if (others == 0 || (others == 1 && groups[0] == entry.pw_gid)) {
    return sandbox::give_up_capabilities();
  }
  return failure("cannot become user " + user + ": other groups can only be given up by root");
}

}  // namespace

Result<void> drop_privileges(const std::string& user, std::optional<gid_t> lent) {
  if (user.empty()) return {};
  errno = 0;
  const passwd* entry = ::getpwnam(user.c_str());
  if (entry == nullptr) {
    return errno != 0 ? tl::make_unexpected(system_error("look up user", user, errno))
                      : failure("unknown user: " + user);
  }
  if (::geteuid() != 0) return stay(user, *entry);
  if (auto given_up = sandbox::give_up_bounding_set(); !given_up) return given_up;
  if (::setgroups(0, nullptr) != 0 ||
      ::setresgid(entry->pw_gid, entry->pw_gid, lent.value_or(entry->pw_gid)) != 0 ||
      ::setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) != 0) {
    return tl::make_unexpected(system_error("become user", user, errno));
  }
  if (entry->pw_uid != 0 && ::setuid(0) == 0)
    return failure("cannot give up root for user " + user);
  return sandbox::give_up_capabilities();
}

Result<std::optional<gid_t>> find_group(const std::string& name) {
  if (name.empty()) return std::optional<gid_t>();
  errno = 0;
  if (const group* entry = ::getgrnam(name.c_str())) return std::optional(entry->gr_gid);
  return errno != 0 ? tl::make_unexpected(system_error("look up group", name, errno))
                    : failure("unknown group: " + name);
}

GroupOnLoan::GroupOnLoan(std::optional<gid_t> group) : own_(::getgid()) {
  if (!group) return;
  lent_ = true;
  if (::setegid(*group) != 0) error_ = errno;
}

GroupOnLoan::~GroupOnLoan() {
  // Root that stays root may take any group at any time: there is nothing to give up.
  if (lent_ && ::setresgid(own_, own_, own_) != 0) std::abort();
}

}  // namespace grey
