#include "greyd/fronts/local_networks.h"

#include "greyd/net/socket_address.h"

namespace grey {

NetworkSet local_networks() {
  NetworkSet networks;
  (void)networks.add("127.0.0.0/8");
  networks.add(*Ip::parse("::1"));
  for (const Ip& ip : own_addresses()) networks.add(ip);
  networks.build();
  return networks;
}

}  // namespace grey
