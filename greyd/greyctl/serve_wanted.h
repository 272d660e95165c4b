// What `greyctl serve` is told by the command line.
#pragma once

#include <string>
#include <vector>

#include "greyd/wire/endpoint.h"

namespace grey::greyctl {

struct ServeWanted {
  Endpoint where;
  std::string user;                // whom root becomes; empty: the owner of the control socket
  bool sandbox = true;             // files and system calls that it does not need are given up
  std::vector<std::string> hosts;  // names under which the page is served, too
};

}  // namespace grey::greyctl
