// Pools: hosts of one provider that count as one client besides themselves, so that a retry from
// another of them is a retry.
//
// By SPF: the sender's domain, where its SPF record names the client ("spf:example.com"). It waits
// as a client does, and a good retry makes it known: mail of that domain from its hosts is accepted
// then, as a known client's is.
// By name: the domain that the client's verified name is in ("name:example.com"). Its members share
// a triplet's wait and earn nothing by it: neither is the pool known, nor a client by it.
//
// Nobody waits longer for a pool: each triplet is stored for the client itself as ever, and of the
// two or three first attempts that there are the one counts that is nearest to passing.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "greyd/base/seconds.h"
#include "greyd/wire/wire.h"

namespace grey {

// Those of one query, by kind: domains in lower case, empty where there is none.
struct PoolsOfQuery {
  std::array<std::string, kPoolKinds> domains;
  // Whether the client's name is made of its address, where that was looked at (suspicion.h).
  std::optional<bool> name_is_address;

  bool has(PoolKind kind) const { return !domains[std::size_t(kind)].empty(); }
  bool none() const { return domains[0].empty() && domains[1].empty(); }
  Client client(PoolKind kind) const { return Client::of_pool(kind, domains[std::size_t(kind)]); }
  std::string& operator[](PoolKind kind) { return domains[std::size_t(kind)]; }
  void clear() {
    for (std::string& domain : domains) domain.clear();
    name_is_address.reset();
  }
};

// Who knows to which pools a client belongs, as far as that is known now. Never waits, and asks
// nobody: the core stays a function of what is known, and of the time.
class PoolFinder {
 public:
  virtual ~PoolFinder() = default;
  // `pools` is what it is whatever it was before. Of a bounce there is none by SPF, and none of a
  // client without an address.
  virtual void find(const wire::Query& query, Seconds now, PoolsOfQuery& pools) const = 0;
  // Whether the client's verified name says that it may send for the sender's domain, as its being
  // one of the domain's pool by SPF does: an answer of whoever is there comes from such a one
  // (rules::judge_reply). Of a bounce never. Asked often: for most it is to cost next to nothing.
  virtual bool is_host_of_sender(const wire::Query&) const { return false; }
};

}  // namespace grey
