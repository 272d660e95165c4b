// Reads the service directories that are there.
#pragma once

#include <optional>
#include <string>

#include "greyd/error.h"
#include "svctool/greyip.h"
#include "svctool/service_request.h"

namespace grey::svctool {

// In a service directory: --refreshsvc leaves its scripts alone.
constexpr const char* kNoRefresh = "/.norefresh";

// What a greylisting service was installed with. Nothing when the directory has no .options: it is
// not one of svctool's.
Result<std::optional<ServiceRequest>> read_options(const std::string& service);
// The same, and an error in that case.
Result<ServiceRequest> read_own_options(const std::string& service);

// An error when the directory has no `run`.
Result<SmtpService> read_smtp_service(const std::string& service);

}  // namespace grey::svctool
