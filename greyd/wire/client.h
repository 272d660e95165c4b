// The host that a query is about: by its address or, under greydaemon's rules, by whatever else a
// front calls it ("unknown"). Or a pool of hosts that count as one (core/pools.h), or whoever may
// send for a domain that ours have written to (replies: core/rules.h); none of these comes by the
// wire.
//
// Part of grey_wire: nothing here may throw or allocate, but for to_string().
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "greyd/wire/dns_domain.h"
#include "greyd/wire/ip.h"

namespace grey {

// Whose SPF record names the hosts, or whose names are below that domain: those are pools. `sent`
// is none, and written like one: the domain of somebody to whom one of ours has written.
enum class PoolKind : std::uint8_t { spf, name, sent };
constexpr std::size_t kPoolKinds = 2;  // without `sent`
// What a pool's text begins with: "spf:example.com".
constexpr std::string_view prefix_of(PoolKind kind) {
  return kind == PoolKind::spf ? "spf:" : kind == PoolKind::name ? "name:" : "sent:";
}

struct Client {
  constexpr Client() = default;
  constexpr Client(const Ip& address) : ip(address) {}  // implicit: most are addresses
  static constexpr Client named(std::string_view name) {
    Client client;
    client.name = name;
    return client;
  }
  // `domain` in lower case.
  static constexpr Client of_pool(PoolKind kind, std::string_view domain) {
    Client client = named(domain);
    client.pool = kind;
    return client;
  }
  // `text` as servers give it: an address where it is one.
  static Client parse(std::string_view text) {
    const std::optional<Ip> address = Ip::parse_client(text);
    return address ? Client(*address) : named(text);
  }
  // "spf:example.com", "sent:example.com": nothing for what is none of these, and of a domain that
  // the DNS can be asked for.
  static constexpr std::optional<Client> parse_pool(std::string_view text) {
    for (const PoolKind kind : {PoolKind::spf, PoolKind::name, PoolKind::sent}) {
      const std::string_view prefix = prefix_of(kind);
      if (!text.starts_with(prefix)) continue;
      const std::string_view domain = text.substr(prefix.size());
      return is_dns_domain(domain) ? std::optional(of_pool(kind, domain)) : std::nullopt;
    }
    return std::nullopt;
  }

  bool has_address() const { return !name; }
  bool is_pool() const { return pool.has_value(); }  // or `sent`
  bool is_sent() const { return pool == PoolKind::sent; }
  bool operator==(const Client&) const = default;

  Ip ip;                                 // where it has an address
  std::optional<std::string_view> name;  // where it has none; may be empty, has no NUL
  std::optional<PoolKind> pool;          // then `name` is its domain
};

inline std::string to_string(const Client& client) {
  if (client.has_address()) return to_string(client.ip);
  std::string text(client.pool ? prefix_of(*client.pool) : std::string_view());
  return text.append(*client.name);
}

}  // namespace grey
