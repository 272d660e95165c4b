// Which directories a supervisor lets a service write to. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace grey::svctool {

struct WriteAccess {
  bool strict = false;                // nothing else than `writable` may be written
  std::vector<std::string> writable;  // directories
};

// `systemctl show -p ProtectSystem -p ReadWritePaths`
WriteAccess parse_unit_access(std::string_view shown);

// The first of `directories` that is read-only; empty: none.
std::string first_read_only(const WriteAccess& access, const std::vector<std::string>& directories);

}  // namespace grey::svctool
