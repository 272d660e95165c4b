#include "svctool/remove.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

#include "greyd/files.h"
#include "svctool/output.h"
#include "svctool/plan.h"
#include "svctool/service_files.h"
#include "svctool/supervision.h"

namespace grey::svctool {
namespace {

constexpr int kStopSeconds = 300;  // a daemon with many records saves for a while

std::string first_line(const std::string& path) {
  const auto content = read_file(path);
  return content && *content ? (*content)->substr(0, (*content)->find('\n')) : "";
}

// A name beside `path` that svscan does not look at.
std::string hidden(const std::string& path) {
  const std::size_t base = path.rfind('/') + 1;
  return path.substr(0, base) + "." + path.substr(base) + ".removed-" + std::to_string(::getpid());
}

// svscan starts again what ends under a name that it sees, so the name goes first. The supervisor
// does not mind: it works in the directory, whatever that is called.
Result<void> stop(const std::string& service) {
  const std::string log = service + "/log";
  if (is_supervised(service)) {
    if (auto told = tell_supervisor(service, "dx"); !told) return told;
    if (!wait_until_unsupervised(service, kStopSeconds)) {
      return failure("the daemon does not end");
    }
  }
  // Only now, so that the daemon's last lines are written. multilog ends with its input; under
  // runit that is all it takes.
  if (is_supervised(log)) {
    if (auto told = tell_supervisor(log, "dx"); !told && is_supervised(log)) return told;
    if (!wait_until_unsupervised(log, kStopSeconds)) return failure("multilog does not end");
  }
  return {};
}

struct Kept {
  std::string state, lists, log;
};

// Where what stays is; from variables/, as the operator may have moved it.
Kept find_kept(const std::string& service) {
  const auto variable = [&](const char* name) {
    return first_line(service + "/variables/" + name);
  };
  Kept kept;
  const std::string control = variable("CONTROLDIR");
  if (const std::string file = variable("CONTEXT_FILE"); !file.empty()) {
    kept.state = path_below(control, file);
  }
  for (const char* name : {"WHITELIST", "BLACKLIST"}) {
    if (const std::string file = variable(name); !file.empty()) {
      kept.lists += (kept.lists.empty() ? "" : ", ") + path_below(control, file);
    }
  }
  kept.log = first_line(service + "/log/variables/LOGDIR");
  return kept;
}

void say_kept(const Kept& kept) {
  if (!kept.state.empty()) say("stays: context file " + kept.state);
  if (!kept.lists.empty()) say("stays: lists " + kept.lists);
  if (!kept.log.empty()) say("stays: log " + kept.log);
}

Result<void> list_tree(const std::string& directory) {
  std::vector<std::string> paths;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator at(directory, error), end; at != end;
       at.increment(error)) {
    if (error) break;
    paths.push_back(at->path().string());
  }
  if (error) return tl::make_unexpected(system_error("look at", directory, error.value()));
  std::ranges::sort(paths);
  for (const std::string& path : paths) say("remove " + path);
  return {};
}

}  // namespace

Result<int> remove_service(const std::string& service, bool dry_run) {
  if (auto options = read_own_options(service); !options) {
    return tl::make_unexpected(options.error());
  }
  char* resolved = ::realpath(service.c_str(), nullptr);
  if (resolved == nullptr) return tl::make_unexpected(system_error("look at", service, errno));
  const std::string directory = resolved;
  std::free(resolved);
  struct stat status {};
  const bool link = ::lstat(service.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
  const Kept kept = find_kept(directory);
  if (dry_run) {
    if (link) say("remove " + service);
    if (auto listed = list_tree(directory); !listed) return tl::make_unexpected(listed.error());
    say("remove " + directory);
    say_kept(kept);
    return 0;
  }
  const std::string name = link ? service : directory;
  const std::string out_of_sight = hidden(name);
  if (::rename(name.c_str(), out_of_sight.c_str()) != 0) {
    return tl::make_unexpected(system_error("remove", name, errno));
  }
  const std::string moved = link ? directory : out_of_sight;
  if (auto stopped = stop(moved); !stopped) {
    if (::rename(out_of_sight.c_str(), name.c_str()) != 0) {
      return tl::make_unexpected(system_error("put back", name, errno));
    }
    return failure(name + ": " + stopped.error().text + "; it is left in place, and down");
  }
  if (link && ::unlink(out_of_sight.c_str()) != 0) {
    return tl::make_unexpected(system_error("remove", out_of_sight, errno));
  }
  std::error_code error;
  std::filesystem::remove_all(moved, error);
  if (error) return tl::make_unexpected(system_error("remove all of", moved, error.value()));
  (void)sync_directory_of(name);
  say("removed " + name + (link ? " and " + directory : ""));
  say_kept(kept);
  return 0;
}

}  // namespace grey::svctool
