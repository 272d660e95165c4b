#include "svctool/files/compare.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <utility>

#include "greyd/base/place.h"

namespace grey::svctool {
namespace {

std::string octal(mode_t mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", unsigned(mode));
  return text;
}

std::string owner_of(const struct stat& status) {
  const struct passwd* user = ::getpwuid(status.st_uid);
  const struct group* group = ::getgrgid(status.st_gid);
  return (user ? std::string(user->pw_name) : std::to_string(status.st_uid)) + ":" +
         (group ? std::string(group->gr_name) : std::to_string(status.st_gid));
}

// What differs, for the operator; empty when nothing does.
std::string attribute_difference(const struct stat& status, const FileMode& mode,
                                 const std::string& owner) {
  std::string text;
  const mode_t present = status.st_mode & 07777;
  if (present != mode.mode) text = "mode " + octal(present) + " -> " + octal(mode.mode);
  if ((mode.uid && *mode.uid != status.st_uid) || (mode.gid && *mode.gid != status.st_gid)) {
    text += text.empty() ? "" : ", ";
    text += "owner " + owner_of(status) + " -> " + owner;
  }
  return text;
}

FileMode wanted_mode(const Entry& entry, const Accounts& accounts) {
  FileMode mode{entry.mode, {}, {}};
  if (const auto account = accounts.find(entry.owner); account != accounts.end()) {
    mode.uid = account->second.uid;
    mode.gid = account->second.gid;
  }
  return mode;
}

// What nobody in particular is to have, and somebody else has than root or who runs svctool: he
// could change what root runs.
bool is_anothers(const Entry& entry, const struct stat& status) {
  return entry.owner.empty() && status.st_uid != 0 && status.st_uid != ::geteuid();
}

// A directory or file that is there, against the one that is asked for.
Result<std::optional<Change>> compare_present(Change change, const struct stat& status,
                                              const Accounts& accounts, bool staged) {
  const Entry& entry = *change.entry;
  const bool directory = entry.type == Entry::Type::directory;
  if (directory ? !S_ISDIR(status.st_mode) : !S_ISREG(status.st_mode)) {
    change.type = Change::Type::in_the_way;
    change.detail = directory ? "it is not a directory" : "it is not a regular file";
    return change;
  }
  if (entry.keep) return std::nullopt;
  if (!entry.present_attributes) {
    change.detail = attribute_difference(status, wanted_mode(entry, accounts), entry.owner);
    change.taken = !staged && is_anothers(entry, status);
  }
  if (change.taken) {
    change.detail += change.detail.empty() ? "" : ", ";
    change.detail += "owner " + owner_of(status) + " -> whoever runs svctool";
  }
  if (!directory) {
    auto content = read_followed(change.path);
    if (!content) return tl::make_unexpected(content.error());
    if (!*content) return change;  // gone in the meantime
    const bool absent = entry.type == Entry::Type::absent;
    if (absent || **content != entry.content) {
      change.type = absent ? Change::Type::remove : Change::Type::content;
      change.old_content = std::move(**content);
      return change;
    }
  }
  if (change.detail.empty()) return std::nullopt;
  change.type = Change::Type::attributes;
  return change;
}

// The files in a directory that is to change hands. Another's files than those of who has it now
// may be there for any reason, or may have been brought there to be given away.
std::vector<Change> compare_files(const Entry& entry, const Accounts& accounts,
                                  const std::string& path) {
  std::vector<Change> changes;
  const FileMode wanted = wanted_mode(entry, accounts);
  if (!entry.with_files || !wanted.uid) return changes;
  const auto directory = status_of_name(path);
  if (!directory || !S_ISDIR(directory->st_mode) || directory->st_uid == *wanted.uid) {
    return changes;
  }
  const auto names = names_in(path);
  if (!names) return changes;
  for (const std::string& name : *names) {
    const std::string below = path_below(path, name);
    const auto file = status_of_name(below);
    if (!file || !S_ISREG(file->st_mode) || file->st_nlink != 1 ||
        file->st_uid != directory->st_uid) {
      continue;
    }
    const FileMode mode{file->st_mode & 0777, wanted.uid, wanted.gid};
    changes.push_back({Change::Type::attributes, &entry, below, "",
                       attribute_difference(*file, mode, entry.owner), true, false});
  }
  return changes;
}

// Nothing when the disk already is as the entry says.
Result<std::optional<Change>> compare_entry(const Entry& entry, const Accounts& accounts,
                                            const std::string& path, bool staged) {
  Change change{Change::Type::create, &entry, path, "", "", false, false};
  const auto status = status_of(path);
  if (status) return compare_present(std::move(change), *status, accounts, staged);
  // A link that is not followed is replaced when it leads nowhere, and left alone where a file
  // stays as it is anyhow: neither does anything to where it leads.
  struct stat behind {};
  const bool leads = status.error().number == 0 && ::stat(path.c_str(), &behind) == 0;
  if (leads && entry.keep && S_ISREG(behind.st_mode)) return std::nullopt;
  if (leads || (status.error().number != 0 && status.error().number != ENOENT)) {
    return tl::make_unexpected(to_error("look at", path, status.error()));
  }
  if (entry.type == Entry::Type::absent) return std::nullopt;
  return change;
}

}  // namespace

FileMode mode_of_file(const std::string& path, const FileMode& when_missing) {
  const auto status = status_of_name(path);
  if (!status || !S_ISREG(status->st_mode)) return when_missing;
  // A new content does not get the right to become somebody else.
  return {status->st_mode & 0777, status->st_uid, status->st_gid};
}

FileMode mode_of(const Change& change, const Accounts& accounts) {
  FileMode wanted = wanted_mode(*change.entry, accounts);
  if (change.taken) {
    wanted.uid = ::geteuid();
    wanted.gid = ::getegid();
  }
  if (change.given) {
    return {mode_of_file(change.path, {0600, {}, {}}).mode, wanted.uid, wanted.gid};
  }
  return change.entry->present_attributes ? mode_of_file(change.path, wanted) : wanted;
}

Result<Comparison> compare(const Plan& plan, const Accounts& accounts, const Destdir& destdir) {
  Comparison comparison;
  comparison.new_service = !is_there(destdir.at(plan.service));
  for (const Entry& entry : plan.entries) {
    const bool blocked = std::ranges::any_of(comparison.changes, [&](const Change& change) {
      return change.type == Change::Type::in_the_way && entry.path.is_below(change.entry->path);
    });
    if (blocked) continue;  // what is in the way of its parent is said
    auto change =
        compare_entry(entry, accounts, destdir.at(entry.path), !destdir.is_this_machine());
    if (!change) return tl::make_unexpected(change.error());
    if (*change) comparison.changes.push_back(std::move(**change));
  }
  for (const Entry& entry : plan.entries) {
    for (Change& change : compare_files(entry, accounts, destdir.at(entry.path))) {
      comparison.changes.push_back(std::move(change));
    }
  }
  return comparison;
}

}  // namespace grey::svctool
