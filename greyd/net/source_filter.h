// Who only pretends to be this host.
#pragma once

namespace grey {

// Drops, before they are queued, datagrams that do not come by the loopback interface and yet have
// an address of this host as their source: what the host sends to itself always comes by it. The
// system drops them itself for IPv4 (as martians), but takes them for IPv6, and the sender of a UDP
// datagram is whoever it says. The addresses are those that the host has now; `fd` is a UDP socket.
// False with errno set when the system refuses.
bool drop_forged_sources(int fd);

}  // namespace grey
