#include "svctool/files/accounts.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "greyd/base/files.h"
#include "greyd/base/place.h"
#include "svctool/util/output.h"
#include "svctool/util/process.h"

namespace grey::svctool {
namespace {

// Whether `user` may do `need` (access(2)) with `path`: 0 or an errno. Asked in a child that is
// that user, so that groups, ACLs, parent directories and read-only mounts all count.
int access_as(const std::string& user, const Account& account, const std::string& path, int need) {
  const pid_t child = ::fork();
  if (child < 0) return errno;
  if (child == 0) {
    if (::geteuid() == 0 && (::initgroups(user.c_str(), account.gid) != 0 ||
                             ::setgid(account.gid) != 0 || ::setuid(account.uid) != 0)) {
      ::_exit(errno);
    }
    ::_exit(::access(path.c_str(), need) == 0 ? 0 : errno);
  }
  // A directory service or a file server that hangs must not hang us.
  constexpr std::chrono::seconds kPatience{30};
  const auto status = wait_until(child, std::chrono::steady_clock::now() + kPatience);
  if (!status) return ETIMEDOUT;
  return WIFEXITED(*status) ? WEXITSTATUS(*status) : EIO;
}

std::string nearest_existing(std::string path) {
  // A link that root does not follow counts as none: what is behind it is its user's own affair.
  while (path.size() > 1 && !status_of(path)) path = directory_of(path);
  return path;
}

// What of a file with a secret in it is no matter of who reads it. Empty: nothing.
std::string secret_fault(const std::string& path) {
  const auto status = status_of(path);
  if (!status) {
    if (status.error().number == EACCES) return {};  // who we are may not see it
    return status.error().reason;
  }
  if (!S_ISREG(status->st_mode)) return "no regular file";
  const bool open = (status->st_mode & (S_IROTH | S_IWOTH)) != 0;
  return open ? "anybody may read it, or write there (chmod o= it)" : std::string();
}

}  // namespace

Accounts find_accounts(const Plan& plan) {
  Accounts accounts;
  for (const User& user : plan.users) {
    if (user.kind == User::Kind::group) continue;
    if (const struct passwd* entry = ::getpwnam(user.name.c_str())) {
      accounts.emplace(user.name, Account{entry->pw_uid, entry->pw_gid});
    }
  }
  return accounts;
}

Result<void> may_give_files_to(const Accounts& accounts) {
  const uid_t self = ::geteuid();
  for (const auto& [name, account] : accounts) {
    if (self != 0 && account.uid != self) {
      return failure("only root can install a service that runs as user " + name +
                     ": run svctool as root, or name yourself with --user and --loguser");
    }
  }
  return {};
}

std::vector<User> missing_users(const Plan& plan, const Accounts& accounts) {
  std::vector<User> missing;
  for (const User& user : plan.users) {
    const bool there = user.kind == User::Kind::group ? ::getgrnam(user.name.c_str()) != nullptr
                                                      : accounts.contains(user.name);
    if (!there) missing.push_back(user);
  }
  return missing;
}

NewUsers::~NewUsers() {
  // Best effort: the error that led here is already on its way to the operator.
  for (auto command = undo_.rbegin(); command != undo_.rend(); ++command) {
    const auto done = run_program({*command});
    // userdel takes a group of the same name with it, or leaves it: then the next one fails.
    if (!done && command->front() == "userdel") {
      warn("user " + command->back() + " was made, and stays: " + done.error().text);
    }
  }
}

Result<void> NewUsers::create_group(const std::string& name) {
  if (auto made = run_program({{"groupadd", "--system", "--", name}}); !made) return made;
  undo_.push_back({"groupdel", "--", name});
  return {};
}

Result<void> NewUsers::create(const std::vector<User>& users) {
  for (const User& user : users) {
    if (user.kind == User::Kind::group) {
      if (::getgrnam(user.name.c_str()) != nullptr) continue;  // made with the user of its name
      if (auto made = create_group(user.name); !made) {
        return failure("cannot create group " + user.name + ": " + made.error().text);
      }
      continue;
    }
    const std::string what = "cannot create user " + user.name + ": ";
    if (const struct group* group = ::getgrnam(user.name.c_str())) {
      // userdel may take a group of the same name with it.
      undo_.push_back({"groupadd", "--gid", std::to_string(group->gr_gid), "--", user.name});
    } else if (auto made = create_group(user.name); !made) {
      return failure(what + made.error().text);
    }
    auto made =
        run_program({{"useradd", "--system", "--gid", user.name, "--no-create-home", "--home-dir",
                      "/nonexistent", "--shell", "/usr/sbin/nologin", "--", user.name}});
    if (!made) return failure(what + made.error().text);
    undo_.push_back({"userdel", "--", user.name});
  }
  return {};
}

std::string try_access(const Access& access, const Accounts& accounts) {
  const auto account = accounts.find(access.user);
  if (account == accounts.end()) return {};  // not made yet
  if (::geteuid() != 0 && ::geteuid() != account->second.uid) return {};
  const bool secret = access.need == Access::Need::read_secret;
  if (secret) {
    const std::string fault = secret_fault(access.path);
    if (!fault.empty()) return access.path + ": " + fault + " (" + access.remedy + ")";
  }
  const std::string path = nearest_existing(access.path);
  int need = X_OK;
  std::string verb = "reach";
  if (path == access.path && access.need == Access::Need::save_files_in) {
    need = R_OK | W_OK | X_OK;  // it is opened as well, to be synced
    verb = "save files in";
  } else if (path == access.path && (secret || access.need == Access::Need::read)) {
    need = R_OK;
    verb = "read";
  } else if (path == access.path) {
    need = W_OK;
    verb = "write to";
  }
  const int error = access_as(access.user, account->second, path, need);
  if (error == 0) return {};
  std::string text = "user " + access.user + " cannot " + verb + " " + path + ": ";
  return text.append(std::strerror(error)) + " (" + access.remedy + ")";
}

}  // namespace grey::svctool
