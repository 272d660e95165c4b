// Why the store has not answered, or has not done what it was asked.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

#include "greyd/store/reply.h"

namespace grey {

enum class Fault : std::uint8_t {
  // Nobody was asked.
  down,      // there is no connection, or the breaker is open
  too_many,  // more is waiting for answers than may, or a call is larger than one may be
  gone,      // who asked has ended it
  // Nobody has answered.
  unresolved,   // the host's name has no address
  unreachable,  // connect(2) says why
  timed_out,
  closed,  // the server, or somebody between, has ended the connection
  // Somebody has answered who is not the store.
  no_redis,      // what came is not its protocol
  old_version,   // older than 7.0
  not_master,    // ROLE says so
  cluster,       // MOVED and its kin
  denied,        // the password, or what its user may do
  bad_sentinel,  // a Sentinel that does not know the store, or names what cannot be
  // The store has refused.
  read_only,    // READONLY
  loading,      // LOADING: it has just been started
  master_down,  // MASTERDOWN
  no_replicas,  // NOREPLICAS: fewer than its min-replicas-to-write
  full,         // OOM: maxmemory, and it may evict nothing; MISCONF: it cannot save
  busy,         // BUSY: another's script runs
  no_script,    // NOSCRIPT
  refused,      // any other error
};

// A label for counters and for JSON, as the enumerator is spelt.
std::string_view to_string(Fault fault);
constexpr std::size_t kStoreFaults = std::size_t(Fault::refused) + 1;

using StoreFaults = std::array<std::uint64_t, kStoreFaults>;  // counts, by Fault

struct Failure {
  Fault fault = Fault::down;
  std::string text;  // one line: what and where, in words
};

using Outcome = tl::expected<Reply, Failure>;

inline tl::unexpected<Failure> store_failure(Fault fault, std::string text) {
  return tl::make_unexpected(Failure{fault, std::move(text)});
}

// What the text of an error says ("READONLY You can't write against a read only replica.").
Fault fault_of(std::string_view error);
// The same as a value that quotes the error, in bounds and printable.
Failure failure_of(std::string_view error);

// Whether another server, or this one some other time, is what helps: the connection is of no use.
bool ends_link(Fault fault);
// Whether it may end without anybody who mends something: a host comes back, a load or a fail-over
// ends. Of others the operator should hear that waiting is of no use.
bool may_pass(Fault fault);
// Whether the store is the one to blame, which the breaker counts.
bool is_stores_failure(Fault fault);

}  // namespace grey
