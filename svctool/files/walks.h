// A plan on this machine: the walks over it, put together for the commands.
#pragma once

#include <functional>
#include <vector>

#include "greyd/base/error.h"
#include "svctool/files/compare.h"
#include "svctool/plan/plan.h"
#include "svctool/plan/requests.h"

namespace grey::svctool {

struct Applied {
  bool new_service = false;       // the service directory was not there before
  std::vector<TargetPath> paths;  // that were changed
};

// Shows the changes that the plan makes, and makes them unless this is a dry run; then `last`
// belongs to them: see Transaction::commit().
Result<Applied> apply_or_show(const Plan& plan, const Manner& manner,
                              const std::function<Result<void>()>& last = {});

// The same of several services, of which nothing is begun before all are found to be possible. Each
// is made by itself, in this order; `last` belongs to the first. What an earlier one has is not
// shown again.
Result<std::vector<Applied>> apply_or_show(std::vector<Plan> plans, const Manner& manner,
                                           const std::function<Result<void>()>& last = {});

}  // namespace grey::svctool
