// A table-driven stand-in for who finds a query's pools.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "greyd/core/pools.h"

namespace grey::testing {

// By SPF: whose domain names which addresses. By name: all of a verified name but its first label.
struct PoolTable : PoolFinder {
  void find(const wire::Query& query, Seconds, PoolsOfQuery& pools) const override {
    pools.clear();
    if (!query.client.has_address()) return;
    const std::string_view domain = query.sender.substr(query.sender.find('@') + 1);
    const auto found = networks.find(std::string(domain));
    if (!query.sender.empty() && found != networks.end() &&
        found->second.contains(to_string(query.client.ip))) {
      pools[PoolKind::spf] = domain;
    }
    const std::size_t dot = query.client_name.find('.');
    if (dot != std::string_view::npos) pools[PoolKind::name] = query.client_name.substr(dot + 1);
  }

  std::map<std::string, std::set<std::string>> networks;
};

// A query of "192.0.2.1", or of "192.0.2.1 mx1.example.net" with its verified name.
inline std::string pool_datagram(std::string_view client, std::string_view sender,
                                 std::string_view recipient) {
  const std::size_t blank = client.find(' ');
  std::string datagram = "I" + std::string(client.substr(0, blank)) + '\0' + "F";
  datagram += std::string(sender) + '\0' + "T" + std::string(recipient) + '\0';
  if (blank != std::string_view::npos) {
    datagram += "N" + std::string(client.substr(blank + 1)) + '\0';
  }
  return datagram;
}

}  // namespace grey::testing
