// Which suite supervises this machine, and where it looks for services.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "svctool/plan/suite.h"

namespace grey::svctool {

struct Supervisor {
  const Suite* suite = nullptr;
  std::string servicedir;  // that its scanner watches; without one the default
};

// What runs as root in this root directory: a scanner rather than what needs none (systemd), as who
// has one wants his services there. Nothing when there is neither. `proc` is where proc(5) is
// mounted.
std::optional<Supervisor> find_supervisor(const std::string& proc = "/proc");

// Whether root runs a scanner of this suite that watches `servicedir`.
bool is_watched(const Suite& suite, const std::string& servicedir,
                const std::string& proc = "/proc");

// Whether a scanner of this suite, root's or our own, starts the service: its directory is below
// the one that is watched, or a link there leads to it.
bool is_scanned(const Suite& suite, const std::string& service, const std::string& proc = "/proc");
// Each scanner that root, or who runs svctool, has started here.
std::vector<Supervisor> find_scanners(const std::string& proc = "/proc");

// Where such a one of this suite has the service, by itself or by a link.
struct Watched {
  std::string directory;
  double age = 0;  // seconds since it has come there
};
std::optional<Watched> find_watched(const Suite& suite, const std::string& service,
                                    const std::string& proc = "/proc");

// The suite that supervises a service of which nobody has said it: whose scanner has it, else the
// one whose traces are there, else the one that this machine has, else daemontools.
const Suite& suite_of(const std::string& service, const std::string& proc = "/proc");

}  // namespace grey::svctool
