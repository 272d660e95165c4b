// What the command line means to each part of the daemon.
#pragma once

#include "greyd/fronts/mta_server.h"
#include "greyd/fronts/udp_front.h"
#include "greyd/lists/network_set.h"
#include "greyd/options.h"
#include "greyd/service/service.h"

namespace grey {

ListFiles list_files(const Options& options);
ServiceSettings service_settings(const Options& options);
// `local`: local_networks(), as it was before confine(): it cannot be told after it. `keys`: see
// Admission.
UdpSettings udp_settings(const Options& options, const NetworkSet& local,
                         const wire::KeyRing* keys);
// Raises the process's limit of descriptors as far as it may: connections need them.
MtaSettings mta_settings(const Options& options, const NetworkSet& local);
// Connections of the control socket, under the limit as it is.
std::size_t control_connections();

}  // namespace grey
