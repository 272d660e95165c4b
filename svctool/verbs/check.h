// What differs from a plan, whether the daemon is there and does its work, and whether an SMTP
// server asks it: all that can be wrong with a service, as findings. Each looks, has what it saw
// judged (findings.h and the judge_*.h), and changes nothing.
#pragma once

#include <string>
#include <vector>

#include "greyd/base/error.h"
#include "svctool/plan/requests.h"
#include "svctool/verbs/judge_changes.h"

namespace grey::svctool {

// `service`: its directory. Below a --destdir no daemon is asked.
// `basis`: where the request comes from.
Result<Findings> check_greylisting(const ServiceRequest& request, Basis basis,
                                   const TargetPath& service, const Manner& manner);

// The same of one with its own options, which may also ask for a page beside it: that it is there.
Result<Findings> check_installed(const ServiceRequest& options, const TargetPath& service,
                                 const Manner& manner);

// Of one that lacks_options(): that it does.
Findings check_unknown(const std::string& service);

// That it has a GREYIP (this one, unless `greyip` is empty), by itself or by the rules that its
// tcpserver reads, that something in it asks, and that each address answers.
Result<Findings> check_smtp_service(const std::string& service, const std::string& greyip,
                                    const Manner& manner);

// The same of a rule; that the cdb is what tcprules makes of the text, and that a server reads it.
Result<Findings> check_rules_file(const TargetPath& path, const std::string& match,
                                  const std::string& greyip, const Manner& manner);

// Every service that is found: below `servicedir`, or, when that is empty, wherever services may
// be. `search`: what there is to say of the search itself.
struct AllFindings {
  Findings search;
  std::vector<Findings> services;
};
AllFindings check_all(const std::string& servicedir, const Manner& manner);

}  // namespace grey::svctool
