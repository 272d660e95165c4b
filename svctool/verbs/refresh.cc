// svctool --refreshsvc and --autorefresh: the scripts of a service, anew from its .options or left
// alone.
#include "greyd/base/place.h"
#include "svctool/disk/lock.h"
#include "svctool/files/compare.h"
#include "svctool/files/service_files.h"
#include "svctool/files/staging.h"
#include "svctool/files/standing.h"
#include "svctool/files/walks.h"
#include "svctool/plan/service_dir.h"
#include "svctool/util/output.h"
#include "svctool/verbs/after_change.h"
#include "svctool/verbs/verbs.h"

namespace grey::svctool {
Result<int> run(const RefreshService& request, const Manner& manner) {
  if (auto within = stays_within(manner.destdir, request.service); !within) {
    return tl::make_unexpected(within.error());
  }
  const std::string service = manner.destdir.at(request.service);
  Locks locks;
  if (auto taken = locks.service(service); !taken) return tl::make_unexpected(taken.error());
  auto options =
      manner.destdir.is_this_machine() ? read_trusted_options(service) : read_own_options(service);
  if (!options) return tl::make_unexpected(options.error());
  if (is_there(service + kNoRefresh) && manner.force == Force::no) {
    say(service + ": left alone, as --autorefresh=0 asks; --force would refresh it");
    return 0;
  }
  find_what_stays(*options, service, {});
  Plan plan = only_scripts(moved_to(plan_service(*options), request.service));
  if (manner.force == Force::no) {
    options->by_hand.clear();  // of the scripts alone it is said what stays
    keep_what_stays(plan, *options, manner.destdir, true);
  }
  const auto applied = apply_or_show(plan, manner);
  if (!applied) return tl::make_unexpected(applied.error());
  locks.release();
  if (manner.destdir.is_this_machine() && !applied->paths.empty()) {
    if (auto told = announce(*options, plan, *applied); !told) {
      return tl::make_unexpected(told.error());
    }
  }
  advise_restart(*applied, *options->suite, request.service);
  return 0;
}

Result<int> run(const Autorefresh& request, const Manner& manner) {
  if (auto within = stays_within(manner.destdir, request.service); !within) {
    return tl::make_unexpected(within.error());
  }
  const std::string service = manner.destdir.at(request.service);
  Locks locks;
  if (auto taken = locks.service(service); !taken) return tl::make_unexpected(taken.error());
  const auto options = manner.destdir.is_this_machine() ? read_unexposed_options(service)
                                                        : read_own_options(service);
  if (!options) return tl::make_unexpected(options.error());
  Plan plan;
  plan.service = request.service;
  PlanBuilder build(plan);
  if (request.on) {
    build.absent((request.service + kNoRefresh).said());
  } else {
    build.file((request.service + kNoRefresh).said(), 0644,
               "svctool --refreshsvc leaves this service alone, see svctool(8).\n");
  }
  if (auto applied = apply_or_show(plan, manner); !applied) {
    return tl::make_unexpected(applied.error());
  }
  return 0;
}

}  // namespace grey::svctool
