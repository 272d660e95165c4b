// The host that a query is about: by its address or, under greydaemon's rules, by whatever else a
// front calls it ("unknown").
//
// Part of grey_wire: nothing here may throw or allocate, but for to_string().
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "greyd/wire/ip.h"

namespace grey {

struct Client {
  constexpr Client() = default;
  constexpr Client(const Ip& address) : ip(address) {}  // implicit: most are addresses
  static constexpr Client named(std::string_view name) {
    Client client;
    client.name = name;
    return client;
  }
  // `text` as servers give it: an address where it is one.
  static Client parse(std::string_view text) {
    const std::optional<Ip> address = Ip::parse_client(text);
    return address ? Client(*address) : named(text);
  }

  bool has_address() const { return !name; }
  bool operator==(const Client&) const = default;

  Ip ip;                                 // where it has an address
  std::optional<std::string_view> name;  // where it has none; may be empty, has no NUL
};

inline std::string to_string(const Client& client) {
  return client.has_address() ? to_string(client.ip) : std::string(*client.name);
}

}  // namespace grey
