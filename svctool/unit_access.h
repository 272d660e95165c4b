// Whether systemd's unit lets the daemon write where its settings want to: the unit knows what they
// were when it was written, and an administrator may have put more over it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "greyd/error.h"
#include "svctool/service_request.h"

namespace grey::svctool {

// Of the service's own directories the first that is read-only to its unit is an error. Has
// systemd read the unit first, as it may have changed since.
// REQUIRES: request.by_hand; systemd runs.
Result<void> check_unit_access(const ServiceRequest& request, const std::string& service);

// ---- pure

// `systemctl show -p ProtectSystem -p ReadWritePaths`: what may be written; empty: everything.
struct UnitAccess {
  bool strict = false;                // nothing else may
  std::vector<std::string> writable;  // directories
};
UnitAccess parse_unit_access(std::string_view shown);

// The first of `directories` that is read-only; empty: none.
std::string first_read_only(const UnitAccess& access, const std::vector<std::string>& directories);

}  // namespace grey::svctool
