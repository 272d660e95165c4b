// Client addresses as an operator writes them: single ones, networks, wildcards and ranges.
//
//   192.0.2.1   2001:db8::1        one address
//   192.0.2.0/24   2001:db8::/32   a network; missing parts of an IPv4 address are zero (172.16/12)
//   192.168.2.*  192.168.[3-4].45  192.168.3-4.45    wildcards and ranges, in any part
//   192.168.  192.168              all addresses that begin so
//
// ::ffff:192.0.2.0/120 is 192.0.2.0/24. Add all, build() once, then look up.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "greyd/error.h"
#include "greyd/ip.h"
#include "greyd/range_set.h"

namespace grey {

class NetworkSet {
 public:
  // Whether `entry` can only be meant as one of the forms above, good or bad.
  static bool is_meant(std::string_view entry);

  // False when the entry is none of the forms, or stands for too many separate ranges.
  [[nodiscard]] bool add(std::string_view entry);
  void add(const Ip& ip);
  void build();

  bool contains(const Ip& ip) const;
  void prefetch_index(const Ip& ip) const;  // see range_set.h
  void prefetch_range(const Ip& ip) const;
  // The fewest networks that together are the set, in order, IPv4 first. After build().
  void for_each_network(const std::function<void(const Network&)>& visit) const;
  std::size_t memory() const { return v4_.memory() + v6_.memory(); }

 private:
  __extension__ using Wide = unsigned __int128;
  bool add_v4_pattern(std::string_view entry);
  bool add_v4_network(std::string_view address, unsigned bits);

  RangeSet<std::uint32_t> v4_;
  RangeSet<Wide> v6_;
};

// Several in one text, separated by commas, with spaces around them as one likes. The set is built;
// an error names the entry that is none.
Result<NetworkSet> parse_networks(std::string_view list);

}  // namespace grey
