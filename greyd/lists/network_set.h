// Client addresses as an operator writes them: single ones, networks, wildcards and ranges.
//
//   192.0.2.1   2001:db8::1        one address
//   192.0.2.0/24   2001:db8::/32   a network; missing parts of an IPv4 address are zero (172.16/12)
//   192.168.2.*  192.168.[3-4].45  192.168.3-4.45    wildcards and ranges, in any part
//   192.168.2?.12?                 each ? is one digit, in any part
//   192.168.  192.168              all addresses that begin so
//
// ::ffff:192.0.2.0/120 is 192.0.2.0/24. Add all, build() once, then look up. Each entry has the
// line that it comes from; of several that hold an address the widest is the one that is found.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/error.h"
#include "greyd/lists/ip_number.h"
#include "greyd/lists/range_set.h"
#include "greyd/wire/ip.h"

namespace grey {

// A network as an entry has it: bits after the prefix (0 to 128, of the 128-bit form) may be set.
struct WrittenNetwork {
  Ip address;
  unsigned prefix = 0;
};
// Of "192.0.2.0/24", "172.16/12", or an IPv6 address with or without a prefix.
std::optional<WrittenNetwork> read_network(std::string_view entry);

// The networks of a domain, as they are known of an entry `spf:example.com`; null: nothing is.
using DomainNetworks = std::function<const std::vector<Network>*(std::string_view domain)>;

class NetworkSet {
 public:
  // Whether `entry` can only be meant as one of the forms above, good or bad.
  static bool is_meant(std::string_view entry);

  // How many separate ranges of addresses an entry stands for, which is what it costs: "10.*.*.1"
  // is 65,536 of them. 0: it is none of the forms.
  static std::size_t ranges_of(std::string_view entry);
  // The same text for all patterns of one meaning. REQUIRES: ranges_of(entry) > 1, by which none is
  // a network.
  static std::string pattern_key(std::string_view entry);

  // False when the entry is none of the forms, or stands for too many separate ranges.
  [[nodiscard]] bool add(std::string_view entry, std::uint32_t line = 0);
  void add(const Ip& ip);
  void add(const Network& network, std::uint32_t line = 0);  // with no bits after the prefix
  void build();

  bool contains(const Ip& ip) const;
  std::uint32_t line_of(const Ip& ip) const;  // of the entry. REQUIRES: contains(ip)
  // Whether one entry is all of IPv4, or of IPv6.
  bool is_all_of_v4() const { return v4_.is_whole(); }
  bool is_all_of_v6() const { return v6_.is_whole(); }
  void prefetch_index(const Ip& ip) const;  // see range_set.h
  void prefetch_range(const Ip& ip) const;
  // The fewest networks that together are the set, in order, IPv4 first. After build().
  void for_each_network(const std::function<void(const Network&)>& visit) const;
  std::size_t memory() const { return v4_.memory() + v6_.memory(); }

 private:
  using Wide = WideNumber;
  bool add_v4_pattern(std::string_view entry, std::uint32_t line);

  RangeSet<std::uint32_t> v4_;
  RangeSet<Wide> v6_;
};

// Several in one text, separated by commas, with spaces around them as one likes. The set is built;
// an error names the entry that is none.
Result<NetworkSet> parse_networks(std::string_view list);

}  // namespace grey
