#include "greyd/greyctl/lesser_user.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "greyd/base/files.h"
#include "greyd/sandbox/capabilities.h"

namespace grey::greyctl {
namespace {

Result<LesserUser> user_named(const std::string& name) {
  errno = 0;
  const passwd* const entry = ::getpwnam(name.c_str());
  if (entry != nullptr) return LesserUser{entry->pw_uid, entry->pw_gid, {}, name};
  return errno != 0 ? tl::make_unexpected(system_error("look up user", name, errno))
                    : failure("unknown user: " + name);
}

bool is_in(const std::string& user, gid_t own, gid_t group) {
  int count = 64;
  std::vector<gid_t> groups(std::size_t(count), own);
  while (::getgrouplist(user.c_str(), own, groups.data(), &count) < 0) {
    if (std::size_t(count) <= groups.size()) return false;
    groups.resize(std::size_t(count));
  }
  groups.resize(std::size_t(count));
  return std::ranges::find(groups, group) != groups.end();
}

// The owner of a control socket may ask there, and so may the owner of what is to be its directory.
Result<LesserUser> owner_of(const std::string& control) {
  struct stat status {};
  if (::stat(control.c_str(), &status) != 0 &&
      ::stat(directory_of(control).c_str(), &status) != 0) {
    return tl::make_unexpected(system_error("find", control, errno));
  }
  LesserUser user{status.st_uid, status.st_gid, {}, "uid " + std::to_string(status.st_uid)};
  if (const passwd* const entry = ::getpwuid(status.st_uid)) {
    user.group = entry->pw_gid;
    user.name = entry->pw_name;
  }
  return user;
}

}  // namespace

Result<LesserUser> find_lesser_user(const std::string& name, const std::string& control) {
  auto user = name.empty() ? owner_of(control) : user_named(name);
  if (!user) return user;
  if (user->user == 0) {
    return failure(name.empty()
                       ? control + " is root's: say by --user NAME who is to ask there instead"
                       : "--user " + name + ": that is root, as whom nothing is served");
  }
  struct stat socket {};
  if (::stat(control.c_str(), &socket) == 0 && socket.st_gid != user->group &&
      is_in(user->name, user->group, socket.st_gid)) {
    user->other_group = socket.st_gid;
  }
  return user;
}

Result<void> give_up_privileges(const std::string& name, const std::string& control) {
  if (::geteuid() != 0) {
    const auto user = name.empty() ? LesserUser{::geteuid(), 0, {}, {}} : user_named(name);
    if (!user) return tl::make_unexpected(user.error());
    if (user->user != ::geteuid() || user->user != ::getuid()) {
      return failure("cannot become user " + name + ": not started as root or as that user");
    }
    return sandbox::give_up_capabilities();  // a supervisor may have handed some on
  }
  const auto user = find_lesser_user(name, control);
  if (!user) return tl::make_unexpected(user.error());
  if (auto given_up = sandbox::give_up_bounding_set(); !given_up) return given_up;
  const gid_t* const other = user->other_group ? &*user->other_group : nullptr;
  if (::setgroups(other != nullptr ? 1 : 0, other) != 0 ||
      ::setresgid(user->group, user->group, user->group) != 0 ||
      ::setresuid(user->user, user->user, user->user) != 0) {
    return tl::make_unexpected(system_error("become user", user->name, errno));
  }
  if (::setuid(0) == 0) return failure("cannot give up root for user " + user->name);
  return sandbox::give_up_capabilities();
}

}  // namespace grey::greyctl
