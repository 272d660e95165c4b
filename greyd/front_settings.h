// What the command line means to each part of the daemon.
#pragma once

#include "greyd/network_set.h"
#include "greyd/options.h"
#include "greyd/policy_server.h"
#include "greyd/service.h"
#include "greyd/udp_front.h"

namespace grey {

ServiceSettings service_settings(const Options& options);
// `allow`: who may ask.
UdpSettings udp_settings(const Options& options, const NetworkSet& allow,
                         bool tell_questions_apart);
// Raises the process's limit of descriptors as far as it may: connections need them.
PolicySettings policy_settings(const Options& options, const NetworkSet& allow);

}  // namespace grey
