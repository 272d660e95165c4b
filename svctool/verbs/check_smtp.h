// The parts of a check that are about who asks: an SMTP server's service and its rules.
#pragma once

#include <string>

#include "svctool/plan/greyip.h"
#include "svctool/plan/smtp_run.h"

namespace grey::svctool {

// Its `run`, with what variables/ says.
SmtpRun read_run(const SmtpService& service);

// Whether a service is one that asks a daemon, or is meant to: it has a GREYIP, its run names a
// program that asks, or the rules that its tcpserver reads have one.
bool is_smtp_service(const std::string& directory);

}  // namespace grey::svctool
