// What --store says: where the store is, and as whom to talk to it.
//
//   redis://[USER@]HOST[:PORT][/DATABASE]                         one server
//   redis+sentinel://[USER@]HOST[:PORT][,...]/NAME[/DATABASE]     the Sentinels that know NAME
//
// A HOST is a name, an IPv4 address or an IPv6 address in brackets. No password stands in it: ps(1)
// would show it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/error.h"

namespace grey {

constexpr std::uint16_t kRedisPort = 6379, kSentinelPort = 26379;

// A server, as it was named: nothing has been looked up.
struct StorePlace {
  std::string host;  // without brackets
  std::uint16_t port = kRedisPort;

  auto operator<=>(const StorePlace&) const = default;
};

struct StoreUrl {
  std::vector<StorePlace> places;  // the server, or one Sentinel or more
  std::string master;              // what the Sentinels call it; empty: no Sentinels
  std::string user;                // empty: the server's default one
  unsigned database = 0;

  bool has_sentinels() const { return !master.empty(); }
  auto operator<=>(const StoreUrl&) const = default;
};

constexpr std::size_t kMaxSentinels = 15;
constexpr unsigned kMaxDatabase = 65535;

// An error is misuse: one line, for whoever names the option, in which no password is repeated.
Result<StoreUrl> parse_store_url(std::string_view text);

// A host as an answer of a Sentinel's may name one, too.
bool is_store_host(std::string_view host);

std::string to_string(const StorePlace& place);  // "db1:6379", "[2001:db8::1]:6379"
std::string to_string(const StoreUrl& url);      // with its ports; parsed, it is the same again

}  // namespace grey
