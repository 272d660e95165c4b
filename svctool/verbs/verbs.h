// What svctool does for each request (requests.h), one function each; a verb or family of verbs is
// a source of its own. Says on standard output what it did, or what there is to say; warnings go to
// standard error. The result is the exit code: 0, or 1 of a check that found something wrong.
#pragma once

#include "greyd/base/error.h"
#include "svctool/plan/requests.h"

namespace grey::svctool {

// install.cc
Result<int> run(ServiceRequest& request, const Manner& manner);

// set_greyip.cc, set_rule.cc
Result<int> run(const ServiceGreyip& request, const Manner& manner);
Result<int> run(const RuleGreyip& request, const Manner& manner);

// set_key.cc
Result<int> run(const KeyRequest& request, const Manner& manner);

// report_check.cc
Result<int> run(const CheckService& request, const Manner& manner);
Result<int> run(const CheckRules& request, const Manner& manner);
Result<int> run(const CheckAll& request, const Manner& manner);

// refresh.cc
Result<int> run(const RefreshService& request, const Manner& manner);
Result<int> run(const Autorefresh& request, const Manner& manner);

// build_cdb.cc
Result<int> run(const ListCdb& request, const Manner& manner);

// The rest, which only hands on (set_variables.h, remove.h, restart.h, steer.h): commands.cc
Result<int> run(const SetVariables& request, const Manner& manner);
Result<int> run(const RemoveService& request, const Manner& manner);
Result<int> run(const RestartService& request, const Manner& manner);
Result<int> run(const ReloadService& request, const Manner& manner);
Result<int> run(const StartService& request, const Manner& manner);
Result<int> run(const StopService& request, const Manner& manner);
Result<int> run(const FindSupervisor& request, const Manner& manner);
Result<int> run(const PrintText& request, const Manner& manner);

}  // namespace grey::svctool
