// svctool --greyip and --no-greyip of an SMTP server's service.
#include "svctool/verbs/set_greyip.h"

#include "greyd/base/place.h"
#include "svctool/daemon/find_supervisor.h"
#include "svctool/disk/lock.h"
#include "svctool/files/service_files.h"
#include "svctool/files/staging.h"
#include "svctool/files/walks.h"
#include "svctool/plan/run_edit.h"
#include "svctool/util/output.h"
#include "svctool/verbs/after_change.h"
#include "svctool/verbs/verbs.h"

namespace grey::svctool {
namespace {

// GREYIP of a greylisting service would do nothing. Taking one out there is no harm.
Result<void> refuse_greylisting_service(const ServiceGreyip& request, const std::string& service) {
  if (request.greyip.empty() || !is_greylisting_service(service)) return {};
  return misuse("--greyip: " + service + " is a greylisting service, not an SMTP server's");
}

}  // namespace

void warn_of_indimail(std::string_view greyip) {
  if (greyip.empty()) return;
  for (const std::string& difference : indimail_differences(greyip)) warn("GREYIP: " + difference);
}

Result<int> run(const ServiceGreyip& request, const Manner& manner) {
  const std::string directory = manner.destdir.at(request.service);
  auto within = stays_within(manner.destdir, request.service + "/run");
  if (within) within = stays_within(manner.destdir, request.service + "/variables/GREYIP");
  if (!within) return tl::make_unexpected(within.error());
  if (auto good = refuse_greylisting_service(request, directory); !good) {
    return tl::make_unexpected(good.error());
  }
  Locks locks;
  if (auto taken = locks.service(directory); !taken) return tl::make_unexpected(taken.error());
  const auto service = read_smtp_service(directory);
  if (!service) return tl::make_unexpected(service.error());
  auto plan = request.greyip.empty()
                  ? plan_no_greyip(*service)
                  : plan_greyip(*service, request.greyip, manner.force, request.edit_run);
  if (!plan) return tl::make_unexpected(plan.error());
  Manner here = manner;  // what was read has --destdir in its paths
  here.destdir = Destdir();
  const auto applied = apply_or_show(*plan, here);
  if (!applied) return tl::make_unexpected(applied.error());
  warn_of_indimail(request.greyip);
  if (!request.greyip.empty() && request.edit_run == EditRun::no &&
      !reads_variables(service->run)) {
    warn(service->run_path +
         " does not read variables/ through envdir, so GREYIP has no effect yet; --run would set "
         "it there");
  }
  const std::string& running = request.service.said();
  if (!applied->paths.empty() && may_run(running)) {
    say("to use what has changed: " + restart_command(suite_of(running), running));
  }
  return 0;
}

}  // namespace grey::svctool
