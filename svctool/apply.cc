#include "svctool/apply.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "greyd/files.h"
#include "svctool/transaction.h"

namespace grey::svctool {
namespace {

Result<Account> find_account(const std::string& name) {
  errno = 0;
  const struct passwd* entry = ::getpwnam(name.c_str());
  if (entry == nullptr) return failure("user " + name + " does not exist");
  const uid_t self = ::geteuid();
  if (self != 0 && entry->pw_uid != self) {
    return failure("only root can install a service that runs as user " + name +
                   ": run svctool as root, or name yourself with --user and --loguser");
  }
  return Account{entry->pw_uid, entry->pw_gid};
}

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
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

bool exists(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0;
}

std::string nearest_existing(std::string path) {
  while (path.size() > 1 && !exists(path)) {
    const std::size_t slash = path.rfind('/');
    path.resize(slash == 0 || slash == std::string::npos ? 1 : slash);
  }
  return path;
}

FileMode mode_of(const Entry& entry, const Accounts& accounts) {
  FileMode mode{entry.mode, {}, {}};
  if (const auto account = accounts.find(entry.owner); account != accounts.end()) {
    mode.uid = account->second.uid;
    mode.gid = account->second.gid;
  }
  return mode;
}

bool same_attributes(const struct stat& status, const FileMode& mode) {
  return (status.st_mode & 07777) == mode.mode && (!mode.uid || *mode.uid == status.st_uid) &&
         (!mode.gid || *mode.gid == status.st_gid);
}

// Nothing when the disk already is as the entry says.
Result<std::optional<Change>> compare_entry(const Entry& entry, const Accounts& accounts,
                                            const std::string& path) {
  const Change create{Change::Type::create, &entry, path, ""};
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return create;
    return tl::make_unexpected(system_error("look at", path, errno));
  }
  const bool directory = entry.type == Entry::Type::directory;
  if (directory && !S_ISDIR(status.st_mode)) {
    return failure(path + " is in the way: it is not a directory");
  }
  if (!directory && !S_ISREG(status.st_mode)) {
    return failure(path + " is in the way: it is not a regular file");
  }
  if (entry.keep) return std::nullopt;
  if (!directory) {
    auto content = read_file(path);
    if (!content) return tl::make_unexpected(content.error());
    if (!*content) return create;
    if (**content != entry.content) {
      return Change{Change::Type::content, &entry, path, std::move(**content)};
    }
  }
  if (same_attributes(status, mode_of(entry, accounts))) return std::nullopt;
  return Change{Change::Type::attributes, &entry, path, ""};
}

bool is_within(const std::string& path, const std::string& directory) {
  return path == directory || path.starts_with(directory + "/");
}

Result<void> stage(Transaction& transaction, const Change& change, const std::string& path,
                   const FileMode& mode) {
  if (change.entry->type == Entry::Type::file) {
    return transaction.stage_file(path, change.entry->content, mode);
  }
  if (change.type == Change::Type::create && !exists(path)) {
    return transaction.make_directory(path, mode);
  }
  return transaction.change_directory(path, mode);
}

}  // namespace

Result<Accounts> find_accounts(const Plan& plan) {
  Accounts accounts;
  const auto add = [&accounts](const std::string& name) -> Result<void> {
    if (name.empty() || accounts.contains(name)) return {};
    const Result<Account> account = find_account(name);
    if (!account) return tl::make_unexpected(account.error());
    accounts.emplace(name, *account);
    return {};
  };
  for (const Entry& entry : plan.entries) {
    if (auto added = add(entry.owner); !added) return tl::make_unexpected(added.error());
  }
  for (const Access& access : plan.access) {
    if (auto added = add(access.user); !added) return tl::make_unexpected(added.error());
  }
  return accounts;
}

Result<void> check_access(const Plan& plan, const Accounts& accounts) {
  for (const Access& access : plan.access) {
    const std::string path = nearest_existing(access.path);
    int need = X_OK;
    std::string verb = "reach";
    if (path == access.path && access.need == Access::Need::save_files_in) {
      need = W_OK | X_OK;
      verb = "save files in";
    } else if (path == access.path && access.need == Access::Need::read) {
      need = R_OK;
      verb = "read";
    }
    const int error = access_as(access.user, accounts.at(access.user), path, need);
    if (error == 0) continue;
    std::string text = "user " + access.user + " cannot " + verb + " " + path + ": ";
    return failure(text.append(std::strerror(error)) + " (" + access.remedy + ")");
  }
  return {};
}

Result<Comparison> compare(const Plan& plan, const Accounts& accounts, const std::string& destdir) {
  Comparison comparison;
  comparison.new_service = !exists(destdir + plan.service);
  for (const Entry& entry : plan.entries) {
    auto change = compare_entry(entry, accounts, destdir + entry.path);
    if (!change) return tl::make_unexpected(change.error());
    if (*change) comparison.changes.push_back(std::move(**change));
  }
  return comparison;
}

Result<void> install(const Plan& plan, const Comparison& comparison, const Accounts& accounts,
                     const std::string& destdir) {
  Transaction transaction;
  const std::string service = destdir + plan.service;
  std::string staging;
  for (const Change& change : comparison.changes) {
    std::string path = change.path;
    if (comparison.new_service && is_within(path, service)) {
      if (staging.empty()) {
        auto made = transaction.stage_directory(service);
        if (!made) return tl::make_unexpected(made.error());
        staging = std::move(*made);
      }
      path = staging + path.substr(service.size());
    }
    auto staged = stage(transaction, change, path, mode_of(*change.entry, accounts));
    if (!staged) return staged;
  }
  return transaction.commit();
}

std::string describe(const Change& change) {
  std::string text = change.type == Change::Type::create ? "create " : "change ";
  text += change.path;
  if (change.type == Change::Type::attributes) return text + ": mode or owner";
  const auto line = [](const std::string& content) {
    return content.substr(0, content.find('\n'));
  };
  const std::string before = line(change.old_content);
  const std::string after = line(change.entry->content);
  // Settings are one line; of a script the name is enough.
  if (change.type == Change::Type::content && before.size() + 1 >= change.old_content.size() &&
      after.size() + 1 >= change.entry->content.size()) {
    text += ": '" + before + "' -> '" + after + "'";
  }
  return text;
}

}  // namespace grey::svctool
