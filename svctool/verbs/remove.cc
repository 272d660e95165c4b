#include "svctool/verbs/remove.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "greyd/base/files.h"
#include "svctool/daemon/service_state.h"
#include "svctool/daemon/supervision.h"
#include "svctool/files/compare.h"
#include "svctool/files/service_files.h"
#include "svctool/plan/plan.h"
#include "svctool/util/output.h"
#include "svctool/util/place.h"
#include "svctool/verbs/page.h"
#include "svctool/verbs/restart.h"

namespace grey::svctool {
namespace {

// A name beside `path` that svscan does not look at.
std::string hidden(const std::string& path) {
  const std::size_t base = path.rfind('/') + 1;
  return path.substr(0, base) + "." + path.substr(base) + ".removed-" + std::to_string(::getpid());
}

struct Kept {
  std::string state, lists, rules, log;
};

// Where what stays is; from variables/, as the operator may have moved it.
Kept find_kept(const std::string& service) {
  const auto variable = [&](std::string_view name) {
    return read_variable(service, std::string(name));
  };
  Kept kept;
  const std::string control = variable("CONTROLDIR");
  if (const std::string file = variable("CONTEXT_FILE"); !file.empty()) {
    kept.state = path_below(control, file);
  }
  for (const OperatorFile& of : kOperatorFiles) {
    const std::string file = variable(of.variable);
    if (file.empty()) continue;
    std::string& places = of.list ? kept.lists : kept.rules;
    places += (places.empty() ? "" : ", ") + path_below(control, file);
  }
  kept.log = read_variable(service + "/log", "LOGDIR");
  return kept;
}

void say_kept(const Kept& kept) {
  if (!kept.state.empty()) say("stays: context file " + kept.state + ", and what is beside it");
  if (!kept.lists.empty()) say("stays: lists " + kept.lists);
  if (!kept.rules.empty()) say("stays: rules " + kept.rules);
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

// Who can exchange the directory could have another one removed.
Result<void> refuse_exposed(const std::string& path) {
  const auto place = open_place(path);
  if (!place) return tl::make_unexpected(to_error("remove", path, place.error()));
  if (place->directory.exposed.empty()) return {};
  return failure("cannot remove " + path + ": " + place->directory.exposed +
                 ", and could put another one in its place");
}

std::string own_file_at(const Suite& suite, const std::string& service, const Destdir& destdir) {
  const std::string path = own_file_of(suite, service);
  return path.empty() ? path : destdir.at(TargetPath(path));
}

// One that is not there is no error: it has then been removed by hand.
Result<void> remove_own_file(const Suite& suite, const std::string& service,
                             const Destdir& destdir) {
  const std::string path = own_file_at(suite, service, destdir);
  if (path.empty()) return {};
  const bool here = destdir.is_this_machine();
  if (here && exists(path) && runs_here(suite)) {
    if (auto stopped = stop_service(suite, service); !stopped) return stopped;
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return tl::make_unexpected(system_error("remove", path, errno));
  }
  return here ? reread_own_files(suite) : Result<void>();
}

// One that is there, and may be removed.
struct Removal {
  std::string service;    // as it was named
  std::string directory;  // what that stands for
  ServiceRequest options;
  bool link = false;  // the name is one to the directory
};

// Changes nothing.
Result<Removal> find_removal(const std::string& service, bool dry_run, const Destdir& destdir) {
  auto options = read_unexposed_options(service);
  if (!options) return tl::make_unexpected(options.error());
  const auto resolved = resolve(service);
  if (!resolved) return tl::make_unexpected(resolved.error());
  for (const std::string& path : {service, *resolved}) {
    if (auto good = refuse_exposed(path); !good) return tl::make_unexpected(good.error());
  }
  const bool saves_first = !dry_run && destdir.is_this_machine() && !is_page(*options);
  if (const auto state = saves_first ? service_state(*options->suite, *resolved) : ServiceState{};
      state && state->up) {
    if (auto saves = check_save(see(*options, *resolved, state->pid), Then::nothing); !saves) {
      return failure(service + ": not removed: " + saves.error().text);
    }
  }
  struct stat status {};
  const bool link = ::lstat(service.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
  return Removal{service, *resolved, std::move(*options), link};
}

Result<int> remove_one(const Removal& removal, bool dry_run, const Destdir& destdir) {
  const auto& [service, directory, options, link] = removal;
  const Kept kept = find_kept(directory);
  const Suite& suite = *options.suite;
  if (dry_run) {
    if (link) say("remove " + service);
    if (auto listed = list_tree(directory); !listed) return tl::make_unexpected(listed.error());
    say("remove " + directory);
    if (const auto file = own_file_at(suite, directory, destdir); !file.empty())
      say("remove " + file);
    say_kept(kept);
    return 0;
  }
  if (auto removed = remove_own_file(suite, directory, destdir); !removed) {
    return tl::make_unexpected(removed.error());
  }
  const std::string name = link ? service : directory;
  const std::string out_of_sight = hidden(name);
  if (::rename(name.c_str(), out_of_sight.c_str()) != 0) {
    return tl::make_unexpected(system_error("remove", name, errno));
  }
  const std::string moved = link ? directory : out_of_sight;
  auto stopped = has_scanner(suite) ? stop_service(suite, moved) : Result<void>();
  if (!stopped) {
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

}  // namespace

Result<int> remove_service(const std::string& service, bool dry_run, const Destdir& destdir) {
  // Both are looked at before one of them is taken away.
  const auto removal = find_removal(service, dry_run, destdir);
  if (!removal) return tl::make_unexpected(removal.error());
  // The page first: without its daemon it would only say that that is gone.
  if (const std::string name = find_page_of(service); !name.empty()) {
    const auto page = find_removal(name, dry_run, destdir);
    if (!page) return tl::make_unexpected(page.error());
    if (auto removed = remove_one(*page, dry_run, destdir); !removed) return removed;
  }
  return remove_one(*removal, dry_run, destdir);
}

}  // namespace grey::svctool
