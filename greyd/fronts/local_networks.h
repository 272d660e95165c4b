// Who may ask where nobody is named.
#pragma once

#include "greyd/lists/network_set.h"

namespace grey {

// Loopback, and the addresses that this host's interfaces have now (own_addresses()).
NetworkSet local_networks();

}  // namespace grey
