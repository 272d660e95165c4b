// The networks of domains that entries of lists name (service/listed_networks.h), on the disk in
// NAME.networks, so that a start without DNS has them:
//
//   qmail-greyd networks 1
//   # domain known-since end ttl networks; written by the daemon
//   example.com 1700000000 whole 3600 192.0.2.0/24 2001:db8::/32
//   end 1
//
// The time is seconds since 1970; the rest as in spf/messages.h.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "greyd/base/error.h"
#include "greyd/base/seconds.h"
#include "greyd/spf/flattened.h"

namespace grey {

struct KnownNetworks {
  spf::Flattened flattened;
  Seconds since = 0;  // when that became known
};
using NetworksByDomain = std::map<std::string, KnownNetworks, std::less<>>;
constexpr std::size_t kMaxListedDomains = 1024;

std::string networks_path(const std::string& context_file);

std::string to_text(const NetworksByDomain& networks);
// What of a text can be read. `bad`: its first line that cannot, and why; empty: all could.
struct ReadNetworks {
  NetworksByDomain networks;
  std::string bad;
};
ReadNetworks read_networks(std::string_view text);

// Of no file: none. One that is damaged gets a second name, NAME.networks.damaged.<now>, before its
// good lines are taken, and `note` says so. An error when it is there and cannot be read or kept.
Result<NetworksByDomain> load_networks(const std::string& path, Seconds now, std::string& note);

// Replaces the file. Takes as long as the disk does.
Result<void> save_networks(const std::string& path, const std::string& text);

}  // namespace grey
