#include <poll.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "greyd/base/files.h"
#include "greyd/base/place.h"
#include "svctool/daemon/look_at.h"
#include "svctool/daemon/observe.h"
#include "svctool/daemon/processes.h"
#include "svctool/daemon/start_check.h"
#include "svctool/files/accounts.h"
#include "svctool/files/service_files.h"
#include "svctool/util/number.h"
#include "svctool/util/shell_quote.h"

namespace grey::svctool {
namespace {

constexpr std::size_t kMostSetAside = 20;
constexpr int kLooks = 4;  // at a journal that may be about to be replaced
constexpr int kPauseMilliseconds = 100;

double now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return double(time.tv_sec) + double(time.tv_nsec) / 1e9;
}

// Who the daemon is when it is started next; empty: root.
std::string user_set(const Seen& seen) {
  if (sets_user(*seen.request.suite)) return seen.request.user;
  if (::geteuid() != 0) return user_name(::geteuid());
  return read_variable(seen.service, "SERVICE_USER");
}

std::string denied_to(const std::string& user, const std::string& directory) {
  struct stat status {};
  if (user.empty()) return {};  // root
  if (::stat(directory.c_str(), &status) != 0 && errno == ENOENT) {
    return directory + ": is not there, so that nothing can be saved (make it for user " + user +
           ")";
  }
  Plan plan;
  plan.users.push_back({user, "user"});
  return try_access({user, directory, Access::Need::save_files_in,
                     "make it writable for that user, or name a --context-file elsewhere"},
                    find_accounts(plan));
}

// As the daemon sees it: a unit may have made more of it read-only.
bool is_read_only(const std::string& directory, pid_t daemon) {
  struct statvfs status {};
  const std::string root = daemon != 0 && ::geteuid() == 0 ? proc_directory(daemon) + "/root" : "";
  return ::statvfs((root + directory).c_str(), &status) == 0 && (status.f_flag & ST_RDONLY) != 0;
}

std::uint64_t size_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)
             ? std::uint64_t(status.st_size)
             : 0;
}

// What a daemon has kept under another name (state_files.h), but for what was taken over.
bool is_set_aside(std::string_view name, std::string_view context) {
  if (!name.starts_with(context)) return false;
  name.remove_prefix(context.size());
  constexpr std::string_view kEnds[] = {".damaged.",          ".journal.damaged.",
                                        ".entries.damaged.",  ".totals.damaged.",
                                        ".networks.damaged.", ".found",
                                        ".journal.found",     ".journal.old.found"};
  return std::ranges::any_of(kEnds, [&](auto end) { return name.starts_with(end); });
}

std::vector<std::string> files_set_aside(const std::string& context) {
  std::vector<std::string> files;
  const std::string directory = directory_of(context);
  const std::string name = context.substr(context.rfind('/') + 1);
  const auto entries = names_in(directory);
  if (!entries) return files;
  for (const std::string& entry : *entries) {
    if (is_set_aside(entry, name)) files.push_back(path_below(directory, entry));
  }
  if (files.size() > kMostSetAside) files.resize(kMostSetAside);
  return files;
}

// Still the daemon that was seen, and no other by now: it may be about to end.
bool still_answers(const Seen& seen) {
  const auto listen = parse_endpoint(seen.started->at("LISTEN"), Wildcards::allowed);
  if (!listen || !probe(own_endpoint(*listen), own_key_file(seen.service)).answered) return false;
  const auto state = service_state(*seen.request.suite, seen.service);
  return state && state->pid == seen.daemon;
}

std::optional<bool> journal_is_open(const Seen& seen, const std::string& context) {
  for (int look = 1;; ++look) {
    const auto file = file_id(context + ".journal");
    if (!file && errno != ENOENT) return std::nullopt;
    const auto open = file ? has_open(seen.daemon, *file) : false;
    if (open != false) return open;
    if (look == kLooks) break;
    // A save may be about to begin another one.
    ::poll(nullptr, 0, kPauseMilliseconds);
  }
  // One that ends has saved all, and removed it.
  return still_answers(seen) ? std::optional(false) : std::nullopt;
}

double seconds_between_saves(const Seen& seen) {
  const auto minutes = [](const std::string& text) { return parse_number<unsigned>(text); };
  std::optional<unsigned> value;
  if (seen.started && seen.started->contains("SAVE_INTERVAL")) {
    value = minutes(seen.started->at("SAVE_INTERVAL"));
  } else if (!seen.started) {
    value = minutes(read_variable(seen.service, "SAVE_INTERVAL"));
  }
  const Setting& setting = setting_named("save-interval");
  const auto usual =
      seen.request.use_greydaemon ? greydaemon_number(setting) : standard_number(setting);
  return 60. * double(value ? *value : usual);
}

}  // namespace

std::string hand_over_state(const std::string& service, const std::string& user, bool runs) {
  const struct passwd* account = user.empty() ? nullptr : ::getpwnam(user.c_str());
  if (account == nullptr || ::geteuid() != 0) return {};
  const std::string context =
      path_below(read_variable(service, "CONTROLDIR"), read_variable(service, "CONTEXT_FILE"));
  std::string files;
  std::optional<uid_t> owner;  // of what is handed over
  // What a daemon that ends leaves behind.
  std::string left;
  for (const char* end : {"", ".lock", ".totals"}) left += " " + shell_quote(context + end);
  for (const std::string_view end : {"", ".journal", ".journal.old", ".lock", ".entries", ".totals",
                                     ".store", ".orders", ".networks"}) {
    struct stat status {};
    const std::string path = context + std::string(end);
    if (::lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    if (status.st_uid == account->pw_uid) continue;
    owner = status.st_uid;
    files += " " + shell_quote(path);
    const bool is_there_for_some =
        end == ".entries" || end == ".store" || end == ".orders" || end == ".networks";
    if (is_there_for_some) left += " " + shell_quote(path);
  }
  if (!owner) return {};
  if (runs) files = left;
  // With the directory, where it is that user's as well and no other can save there.
  const std::string directory = directory_of(context);
  struct stat status {};
  if (*owner != 0 && ::lstat(directory.c_str(), &status) == 0 && status.st_uid == *owner &&
      !denied_to(user, directory).empty()) {
    files.insert(0, " " + shell_quote(directory));
  }
  const std::string named = " --service=" + shell_quote(service);
  return "svctool --stop" + named + "; chown " + shell_quote(user) + files + "; svctool --start" +
         named;
}

std::optional<Room> room_of(const std::string& directory) {
  struct statvfs status {};
  if (::statvfs(directory.c_str(), &status) != 0 || status.f_blocks == 0) return std::nullopt;
  Room room;
  room.bytes = std::uint64_t(status.f_bavail) * status.f_frsize;
  if (status.f_files != 0) room.files = status.f_favail;
  return room;
}

std::optional<double> started_at(const Seen& seen) {
  if (seen.daemon == 0) return std::nullopt;
  return now() - age_of(seen.daemon);
}

StateFacts look_at_state(const Seen& seen) {
  StateFacts facts;
  const std::string set = read_variable(seen.service, "CONTEXT_FILE");
  facts.context = path_below(read_variable(seen.service, "CONTROLDIR"), set);
  facts.log = log_place(*seen.request.suite, seen.service);
  const std::string directory = directory_of(facts.context);
  const std::string user = user_set(seen);
  if (may_ask_start(seen.request, seen.service)) {
    facts.denied = denied_to(user, directory);
  } else {
    facts.unseen = true;
  }
  if (seen.daemon != 0 && ::geteuid() == 0) {
    const auto uid = user_of(seen.daemon);
    const std::string running = uid ? user_name(*uid) : user;
    facts.runs_as_another = uid && running != user;
    if (facts.runs_as_another && *uid != 0) facts.running_denied = denied_to(running, directory);
  }
  facts.read_only = is_read_only(directory, seen.daemon);
  facts.room = room_of(directory);
  struct stat status {};
  const bool there = ::stat(facts.context.c_str(), &status) == 0;
  if (!there && errno == EACCES) facts.unseen = true;
  if (there) {
    facts.snapshot = std::uint64_t(status.st_size);
    facts.saved_ago = now() - double(status.st_mtim.tv_sec) - double(status.st_mtim.tv_nsec) / 1e9;
  }
  facts.journals = size_of(facts.context + ".journal") + size_of(facts.context + ".journal.old");
  facts.set_aside = files_set_aside(facts.context);
  facts.save_interval = seconds_between_saves(seen);
  const bool its_files = seen.started && seen.started->at("CONTEXT_FILE") == set;
  if (seen.daemon == 0 || !its_files) return facts;
  facts.daemon = seen.daemon;
  facts.running = age_of(seen.daemon);
  facts.journal_open = journal_is_open(seen, facts.context);
  if (!facts.journal_open && ::geteuid() != 0) facts.unseen = true;
  if (facts.journal_open == false) {
    const std::string lock = held_elsewhere(facts.daemon, facts.context + ".lock");
    facts.moved = lock.substr(0, lock.rfind('.'));
  }
  return facts;
}

}  // namespace grey::svctool
