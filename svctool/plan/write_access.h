// What a supervisor lets a service have: directories to write to, and its group. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace grey::svctool {

struct WriteAccess {
  bool strict = false;                // nothing else than `writable` may be written
  std::vector<std::string> writable;  // directories
  std::string group;                  // empty: its user's
};

// `systemctl show -p ProtectSystem -p ReadWritePaths -p Group`
WriteAccess parse_unit_access(std::string_view shown);

// The first of `directories` that is read-only; empty: none.
std::string first_read_only(const WriteAccess& access, const std::vector<std::string>& directories);

}  // namespace grey::svctool
