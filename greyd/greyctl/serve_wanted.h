// What `greyctl serve` is told by the command line.
#pragma once

#include <string>

#include "greyd/wire/endpoint.h"

namespace grey::greyctl {

struct ServeWanted {
  Endpoint where;
  std::string user;  // whom root becomes; empty: the owner of the control socket
};

}  // namespace grey::greyctl
