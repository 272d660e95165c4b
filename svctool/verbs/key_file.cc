#include "svctool/verbs/key_file.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <vector>

#include "greyd/base/place.h"
#include "greyd/wire/keys.h"
#include "svctool/files/service_files.h"
#include "svctool/plan/key_text.h"
#include "svctool/util/output.h"

namespace grey::svctool {
namespace {

// Its owner and its group may read it, nobody may write to it.
constexpr mode_t kMode = 0440;

// "20261127-1f2e KEY": the day tells how old it is, the rest two of one day apart.
Result<std::string> new_key() {
  std::array<std::uint8_t, 18> random{};
  if (::getentropy(random.data(), random.size()) != 0) {
    return tl::make_unexpected(system_error("make", "a key", errno));
  }
  const time_t now = ::time(nullptr);
  struct tm day {};
  ::gmtime_r(&now, &day);
  char id[32];
  (void)std::snprintf(id, sizeof id, "%04d%02d%02d-%02x%02x", day.tm_year + 1900, day.tm_mon + 1,
                      day.tm_mday, unsigned(random[16]), unsigned(random[17]));
  std::array<std::uint8_t, 16> secret{};
  std::copy_n(random.begin(), secret.size(), secret.begin());
  return key_line(id, secret);
}

// "USER:GROUP", "USER", ":GROUP", or "USER:" with that user's own group.
Result<FileMode> owner_named(const std::string& owner) {
  FileMode mode{kMode, {}, {}};
  const std::size_t colon = owner.find(':');
  const std::string user = owner.substr(0, colon);
  const std::string group = colon == std::string::npos ? "" : owner.substr(colon + 1);
  if (!user.empty()) {
    const struct passwd* entry = ::getpwnam(user.c_str());
    if (entry == nullptr) return failure("--key-owner: user " + user + " does not exist");
    mode.uid = entry->pw_uid;
    if (colon != std::string::npos) mode.gid = entry->pw_gid;
  }
  if (!group.empty()) {
    const struct group* entry = ::getgrnam(group.c_str());
    if (entry == nullptr) return failure("--key-owner: group " + group + " does not exist");
    mode.gid = entry->gr_gid;
  }
  return mode;
}

struct Daemon {
  bool named = false;  // the request is about one
  const struct passwd* user = nullptr;
};

Daemon daemon_of(const KeyRequest& request, const Destdir& destdir) {
  if (request.service.said().empty()) return {};
  const std::string service = destdir.at(request.service);
  if (!is_greylisting_service(service)) return {};
  return {true, ::getpwnam(user_of_daemon(service).c_str())};
}

std::string name_of(uid_t user) {
  const struct passwd* entry = ::getpwuid(user);
  return entry != nullptr ? entry->pw_name : std::to_string(user);
}

// Whose doing it may be that the file is what it is.
class Trusted {
 public:
  void add(uid_t user) { users_.push_back(user); }
  bool has(uid_t user) const { return std::ranges::find(users_, user) != users_.end(); }

 private:
  std::vector<uid_t> users_ = {0, ::geteuid()};
};

// An error when another one could exchange what is there. `place` may be a trusted user's own.
Result<void> check_place(const Place& place, const Trusted& trusted) {
  const Directory& directory = place.directory;
  if (directory.exposed.empty()) return {};
  for (std::string at = directory.path;; at = directory_of(at)) {
    const auto status = status_of_name(at);
    constexpr mode_t kOthers = S_IWGRP | S_IWOTH;
    const bool sticky = (status && (status->st_mode & S_ISVTX) != 0);
    if (!status || !trusted.has(status->st_uid) || ((status->st_mode & kOthers) != 0 && !sticky)) {
      return failure("no keys are put into " + directory.path + ": " + directory.exposed);
    }
    if (at == "/") return {};
  }
}

Result<void> check_owner(const Place& place, uid_t owner, const Daemon& daemon,
                         const Trusted& trusted) {
  const bool by_root = place.directory.exposed.empty() && !place.directory.sticky;
  if (trusted.has(owner) || (by_root && !daemon.named)) return {};
  const std::string name = name_of(owner);
  return failure(place.path() + ": its keys are not used, as user " + name +
                 " owns it, who is neither root nor " +
                 (daemon.named ? "the daemon's user" : "named by --key-owner"));
}

Result<KeyFileChange> plan_new(const KeyRequest& request, const Daemon& daemon,
                               const FileMode& named, KeyFileChange change) {
  if (request.step != KeyStep::none) {
    return failure(change.path + ": is not there; --key without --key-change makes it");
  }
  change.made = true;
  change.mode = named;
  if (request.owner.empty() && ::geteuid() == 0) {
    change.mode = {kMode, 0, daemon.user != nullptr ? daemon.user->pw_gid : 0};
  }
  const auto line = new_key();
  if (!line) return tl::make_unexpected(line.error());
  change.text = text_of_new_keys(*line);
  return change;
}

Result<KeyFileChange> plan_present(const KeyRequest& request, const std::string& text,
                                   const struct stat& status, FileMode named,
                                   KeyFileChange change) {
  if (!named.uid) named.uid = status.st_uid;
  if (!named.gid) named.gid = status.st_gid;
  change.mode = named;
  const auto line = new_key();
  if (!line) return tl::make_unexpected(line.error());
  const auto changed = change_keys(text, request.step, *line);
  if (!changed) return failure(change.path + ": " + changed.error().text);
  change.text = *changed;
  const bool loose = (status.st_mode & 027) != 0;
  change.was_open = (status.st_mode & S_IRWXO) != 0;
  change.same =
      change.text == text && !loose && *named.uid == status.st_uid && *named.gid == status.st_gid;
  return change;
}

// What comes after a step, so that no query is lost on the way (svctool(8), KEYS).
void say_next(KeyStep step, const std::string& path) {
  const std::string again = "svctool --key=" + path + " --key-change=";
  const std::string reload = "svctool --reload --service=DIR of each daemon that has it";
  if (step == KeyStep::add) {
    say("next: " + reload + ", on other hosts as well with a copy of the file; then " + again +
        "use");
  } else if (step == KeyStep::use) {
    say("next: a copy of the file to each host that asks; when sessions that began before have "
        "ended, " +
        again + "drop");
  } else if (step == KeyStep::drop) {
    say("next: " + reload + ", and a copy of the file to each other host");
  }
}

std::string ids_in(const std::string& text) {
  wire::KeyRing ring;
  (void)wire::parse_keys(text, ring);
  std::string ids;
  for (const wire::Key& key : ring) ids += (ids.empty() ? "" : ", ") + std::string(key.id());
  return ids;
}

}  // namespace

Result<KeyFileChange> plan_key_file_change(const KeyRequest& request, const Destdir& destdir) {
  const std::string given = destdir.at(request.file);
  const auto text = read_followed(given);
  if (!text) return tl::make_unexpected(text.error());
  const auto path = *text ? resolve(given) : Result<std::string>(given);
  if (!path) return tl::make_unexpected(path.error());
  const auto named = owner_named(request.owner);
  if (!named) return tl::make_unexpected(named.error());
  const Daemon daemon = daemon_of(request, destdir);
  Trusted trusted;
  if (daemon.user != nullptr) trusted.add(daemon.user->pw_uid);
  if (named->uid) trusted.add(*named->uid);
  const auto place = open_place(*path);
  if (!place) return tl::make_unexpected(to_error("write", *path, place.error()));
  if (auto good = check_place(*place, trusted); !good) return tl::make_unexpected(good.error());
  KeyFileChange change;
  change.path = *path;
  if (!*text) return plan_new(request, daemon, *named, std::move(change));
  const auto status = status_of_name(*path);
  if (!status) return tl::make_unexpected(to_error("look at", *path, status.error()));
  if (auto good = check_owner(*place, status->st_uid, daemon, trusted); !good) {
    return tl::make_unexpected(good.error());
  }
  return plan_present(request, **text, *status, *named, std::move(change));
}

void say_key_file_change(const KeyFileChange& change, KeyStep step, bool dry_run) {
  const std::string& path = change.path;
  if (change.same) return;
  if (dry_run) {
    say(change.made ? "create " + path + " with a new key" : "change " + path);
    return;
  }
  if (change.made) {
    say("create " + path + " with a new key, " + ids_in(change.text));
    if (::geteuid() == 0 && change.mode.gid == gid_t(0) && change.mode.uid == uid_t(0)) {
      warn(path + ": root alone can read it; --key-owner=USER:GROUP names who else");
    }
    return;
  }
  say("change " + path + ": keys " + ids_in(change.text));
  if (change.was_open) {
    warn(path + ": anybody could read it until now; --key-change takes a new key");
  }
  say_next(step, path);
}

}  // namespace grey::svctool
