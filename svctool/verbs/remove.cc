#include "svctool/verbs/remove.h"

#include <sys/stat.h>

#include <utility>
#include <vector>

#include "greyd/base/files.h"
#include "greyd/base/place.h"
#include "svctool/daemon/service_state.h"
#include "svctool/daemon/supervision.h"
#include "svctool/disk/lock.h"
#include "svctool/disk/tree.h"
#include "svctool/files/compare.h"
#include "svctool/files/service_files.h"
#include "svctool/plan/plan.h"
#include "svctool/util/output.h"
#include "svctool/verbs/page.h"
#include "svctool/verbs/restart.h"

namespace grey::svctool {
namespace {

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
  const auto names = names_in(directory);
  if (!names) return tl::make_unexpected(to_error("look at", directory, names.error()));
  for (const std::string& name : *names) {
    const std::string path = path_below(directory, name);
    say("remove " + path);
    const auto status = status_of_name(path);
    if (!status || !S_ISDIR(status->st_mode)) continue;
    if (auto listed = list_tree(path); !listed) return listed;
  }
  return {};
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
  if (here && is_there(path) && runs_here(suite)) {
    if (auto stopped = stop_service(suite, service); !stopped) return stopped;
  }
  if (auto removed = remove_file(path); !removed) return removed;
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
    if (auto good = refuse_exposed("remove", path); !good) return tl::make_unexpected(good.error());
  }
  const bool saves_first = !dry_run && destdir.is_this_machine() && !is_page(*options);
  if (const auto state = saves_first ? service_state(*options->suite, *resolved) : ServiceState{};
      state && state->up) {
    if (auto saves = check_save(see(*options, *resolved, state->pid), Then::nothing); !saves) {
      return failure(service + ": not removed: " + saves.error().text);
    }
  }
  const auto status = status_of_name(service);
  const bool link = status && S_ISLNK(status->st_mode);
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
  auto aside = MovedAside::move(name);
  if (!aside) return tl::make_unexpected(aside.error());
  auto stopped =
      has_scanner(suite) ? stop_service(suite, link ? directory : aside->path()) : Result<void>();
  if (!stopped) {
    if (auto back = aside->put_back(); !back) return tl::make_unexpected(back.error());
    return failure(name + ": " + stopped.error().text + "; it is left in place, and down");
  }
  auto removed = aside->remove();
  if (removed && link) {
    auto target = MovedAside::move(directory);
    removed = target ? target->remove() : tl::make_unexpected(target.error());
  }
  if (!removed) return tl::make_unexpected(removed.error());
  say("removed " + name + (link ? " and " + directory : ""));
  say_kept(kept);
  return 0;
}

}  // namespace

Result<int> remove_service(const std::string& service, bool dry_run, const Destdir& destdir) {
  Locks locks;
  if (auto taken = dry_run ? Result<void>() : locks.service_place(service); !taken) {
    return tl::make_unexpected(taken.error());
  }
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
