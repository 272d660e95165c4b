// The walk that says what differs from a plan, and asks the daemon whether it is there. Each prints
// its findings; the result is the exit code, 0 when all is good and 1 otherwise.
#pragma once

#include <string>

#include "greyd/error.h"
#include "svctool/findings.h"
#include "svctool/options.h"

namespace grey::svctool {

// `service`: its directory, without --destdir. Below a --destdir no daemon is asked.
// `basis`: where the request comes from.
Result<int> check_greylisting(const ServiceRequest& request, Basis basis,
                              const std::string& service, const Manner& manner);

// That it has a GREYIP (this one, unless `greyip` is empty), and that each address in it answers.
Result<int> check_smtp_service(const std::string& service, const std::string& greyip,
                               const Manner& manner);

// The same of a rule; and that the cdb is what tcprules makes of the text.
Result<int> check_rules_file(const std::string& path, const std::string& match,
                             const std::string& greyip, const Manner& manner);

}  // namespace grey::svctool
