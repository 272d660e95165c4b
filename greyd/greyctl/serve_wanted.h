// What `greyctl serve` is told by the command line.
#pragma once

#include <string>
#include <vector>

#include "greyd/wire/endpoint.h"

namespace grey::greyctl {

struct ServeWanted {
  Endpoint where;
  std::string user;                // whom root becomes; empty: the owner of the control socket
  std::vector<std::string> hosts;  // names under which the page is served, too
};

}  // namespace grey::greyctl
