// svctool --key: makes the file of keys, changes the key in it, and tells daemon or SMTP server
// where it is.
#include <grp.h>
#include <pwd.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "greyd/base/files.h"
#include "greyd/base/place.h"
#include "greyd/base/strings.h"
#include "greyd/wire/keys.h"
#include "svctool/daemon/find_supervisor.h"
#include "svctool/disk/lock.h"
#include "svctool/disk/transaction.h"
#include "svctool/files/service_files.h"
#include "svctool/files/staging.h"
#include "svctool/files/walks.h"
#include "svctool/plan/service_dir.h"
#include "svctool/util/output.h"
#include "svctool/verbs/after_change.h"
#include "svctool/verbs/verbs.h"

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
  std::snprintf(id, sizeof id, "%04d%02d%02d-%02x%02x", day.tm_year + 1900, day.tm_mon + 1,
                day.tm_mday, unsigned(random[16]), unsigned(random[17]));
  std::array<std::uint8_t, 16> secret{};
  std::copy_n(random.begin(), secret.size(), secret.begin());
  return key_line(id, secret);
}

// "USER:GROUP", "USER" or ":GROUP".
Result<FileMode> owner_named(const std::string& owner) {
  FileMode mode{kMode, {}, {}};
  const std::size_t colon = owner.find(':');
  const std::string user = owner.substr(0, colon);
  const std::string group = colon == std::string::npos ? "" : owner.substr(colon + 1);
  if (!user.empty()) {
    const struct passwd* entry = ::getpwnam(user.c_str());
    if (entry == nullptr) return failure("--key-owner: user " + user + " does not exist");
    mode.uid = entry->pw_uid;
  }
  if (!group.empty()) {
    const struct group* entry = ::getgrnam(group.c_str());
    if (entry == nullptr) return failure("--key-owner: group " + group + " does not exist");
    mode.gid = entry->gr_gid;
  }
  return mode;
}

// Of a new file: of the group of who runs the daemon that it is for.
Result<FileMode> owner_of_new(const KeyRequest& request) {
  if (!request.owner.empty() || ::geteuid() != 0) return owner_named(request.owner);
  FileMode mode{kMode, 0, 0};
  const std::string service = request.service.said();
  if (service.empty() || !is_greylisting_service(service)) return mode;
  std::string user = read_variable(service, "SERVICE_USER");
  if (const auto options = read_own_options(service); user.empty() && options) {
    user = options->user;
  }
  if (const struct passwd* entry = ::getpwnam(user.c_str())) mode.gid = entry->pw_gid;
  return mode;
}

Result<void> write_keys(const std::string& path, std::string_view text, const FileMode& mode) {
  Transaction transaction;
  auto written = transaction.stage_file(path, text, mode);
  if (written) written = transaction.commit();
  return written;
}

Result<void> make_keys(const KeyRequest& request, const std::string& path, bool dry_run) {
  if (request.step != KeyStep::none) {
    return failure(path + ": is not there; --key without --key-change makes it");
  }
  const auto mode = owner_of_new(request);
  if (!mode) return tl::make_unexpected(mode.error());
  if (dry_run) {
    say("create " + path + " with a new key");
    return {};
  }
  const auto line = new_key();
  if (!line) return tl::make_unexpected(line.error());
  if (auto written = write_keys(path, text_of_new_keys(*line), *mode); !written) return written;
  say("create " + path + " with a new key, " + line->substr(0, line->find(' ')));
  if (::geteuid() == 0 && mode->gid == gid_t(0) && mode->uid == uid_t(0)) {
    warn(path + ": root alone can read it; --key-owner=USER:GROUP names who else");
  }
  return {};
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

Result<void> change_present(const KeyRequest& request, const std::string& path,
                            const std::string& text, bool dry_run) {
  const auto status = status_of_name(path);
  if (!status) return tl::make_unexpected(to_error("look at", path, status.error()));
  auto mode = owner_named(request.owner);
  if (!mode) return tl::make_unexpected(mode.error());
  if (!mode->uid) mode->uid = status->st_uid;
  if (!mode->gid) mode->gid = status->st_gid;
  const auto line = new_key();
  if (!line) return tl::make_unexpected(line.error());
  const auto changed = change_keys(text, request.step, *line);
  if (!changed) return failure(path + ": " + changed.error().text);
  const bool loose = (status->st_mode & 027) != 0;
  const bool same =
      *changed == text && !loose && *mode->uid == status->st_uid && *mode->gid == status->st_gid;
  if (same) return {};
  if (dry_run) {
    say("change " + path);
    return {};
  }
  if (auto written = write_keys(path, *changed, *mode); !written) return written;
  wire::KeyRing ring;
  (void)wire::parse_keys(*changed, ring);
  std::string ids;
  for (const wire::Key& key : ring) ids += (ids.empty() ? "" : ", ") + std::string(key.id());
  say("change " + path + ": keys " + ids);
  if ((status->st_mode & S_IRWXO) != 0) {
    warn(path + ": anybody could read it until now; --key-change takes a new key");
  }
  say_next(request.step, path);
  return {};
}

Result<void> keep_keys(const KeyRequest& request, const Manner& manner) {
  if (auto within = stays_within(manner.destdir, request.file); !within) return within;
  std::string path = manner.destdir.at(request.file);
  const auto lock = lock_directory_of(path);
  if (!lock) return tl::make_unexpected(lock.error());
  const auto text = read_followed(path);
  if (!text) return tl::make_unexpected(text.error());
  if (!*text) return make_keys(request, path, manner.dry_run);
  const auto resolved = resolve(path);
  if (!resolved) return tl::make_unexpected(resolved.error());
  return change_present(request, *resolved, **text, manner.dry_run);
}

Result<int> tell_smtp_service(const KeyRequest& request, const Manner& manner) {
  const std::string directory = manner.destdir.at(request.service);
  if (auto within = stays_within(manner.destdir, request.service + "/variables/GREYKEYFILE");
      !within) {
    return tl::make_unexpected(within.error());
  }
  const auto lock = lock_directory_of(directory + "/run");
  if (!lock) return tl::make_unexpected(lock.error());
  const auto service = read_smtp_service(directory);
  if (!service) return tl::make_unexpected(service.error());
  const auto plan = plan_key_file(*service, request.file.said(), manner.force);
  if (!plan) return tl::make_unexpected(plan.error());
  Manner here = manner;  // what was read has --destdir in its paths
  here.destdir = Destdir();
  const auto applied = apply_or_show(*plan, here);
  if (!applied) return tl::make_unexpected(applied.error());
  if (!applied->paths.empty() && may_run(request.service.said())) {
    say("to use what has changed: " +
        restart_command(suite_of(request.service.said()), request.service.said()));
  }
  return 0;
}

}  // namespace

Result<int> run(const KeyRequest& request, const Manner& manner) {
  if (auto kept = keep_keys(request, manner); !kept) return tl::make_unexpected(kept.error());
  if (!request.rules.said().empty()) {
    return run(RuleGreyip{request.rules, request.match, request.file.said(), "GREYKEYFILE"},
               manner);
  }
  if (request.service.said().empty()) return 0;
  if (!is_greylisting_service(manner.destdir.at(request.service))) {
    return tell_smtp_service(request, manner);
  }
  return run(SetVariables{request.service, {{"KEY_FILE", request.file.said()}}, false}, manner);
}

}  // namespace grey::svctool
