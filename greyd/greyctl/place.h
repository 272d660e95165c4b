// Which daemon is meant, and where it is asked.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "greyd/base/error.h"
#include "greyd/options.h"

namespace grey::greyctl {

// As the command line says it; empty: not said.
struct Named {
  std::string service{};                      // a service's directory, as svctool makes it
  std::string control{};                      // a control socket
  std::string context{};                      // a context file: no daemon is asked
  std::vector<std::string> policy_options{};  // the daemon's, of `context`
};

struct Place {
  std::string control;             // the socket; empty: `offline`
  std::optional<Options> offline;  // the daemon's that would run on these files
};

// Where nothing is said: the one daemon that runs on this machine, as far as we may look.
Result<Place> find_place(const Named& named);

// A service's daemon as its variables have it: files below variables/, or lines in `environment`.
Result<Options> options_of_service(const std::string& directory);

}  // namespace grey::greyctl
