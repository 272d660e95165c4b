// What an import finds in that which another greylister has kept, before this daemon's policy has a
// say (judge.h). One thing at a time; its texts live for the call that it is handed over by.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "greyd/core/record_state.h"
#include "greyd/wire/client.h"

namespace grey::imports {

// For a time: it does not come.
constexpr Seconds kNever = std::numeric_limits<Seconds>::max();

// A client, or a triplet of one.
struct Record {
  RecordClass record_class = RecordClass::waiting;
  Network client;                        // one address: prefix 128
  std::optional<std::string_view> name;  // instead, of a client that has no address
  std::optional<PoolKind> pool{};        // whose domain that is then
  std::string_view sender, recipient;    // of a triplet
  bool address_only = false;             // the source knows no sender and no recipient
  Seconds seen = 0;                      // as RecordState::seen
  std::optional<unsigned> passes;        // see RecordState; absent: enough to be known
  Seconds ends = kNever;                 // the source forgets it then
  // A waiting client whom the source lets in by its age alone: it is known from then on.
  Seconds known_from = kNever;
};

// What a client's record counts, good retries or traps: nothing where that is no number of them.
// Good retries may be unknown, and beyond what a record can hold; of traps there is one at least,
// and 255 at most.
std::optional<std::optional<unsigned>> count_of(RecordClass record_class,
                                                std::optional<Seconds> number);

// Of its client, which is one.
inline Client client_of(const Record& record) {
  if (!record.name) return record.client.address;
  return record.pool ? Client::of_pool(*record.pool, *record.name) : Client::named(*record.name);
}

// Somebody whom the administrator has allowed or blocked.
struct Listed {
  std::string text;           // as an entry of a list, see address_list.h
  Seconds blocked_until = 0;  // allowed from then on
  Seconds ends = kNever;      // no entry from then on
  Seconds made = kNever;      // kNever: not known
};

// Something that is not taken.
enum class Reason : std::uint8_t {
  expired,      // its time is over
  no_client,    // it names no client
  no_address,   // what should be a client's address is none
  no_envelope,  // a triplet without a sender or a recipient
  no_octets,    // a text with a NUL in it, or longer than any address
  wide,         // of a network that is several clients under the policy
  never_known,  // a known client, under a policy that knows none
  several,      // an entry that names more than one of client, sender and recipient
  no_entry,     // an entry that no list can have
  hashed,       // kept as a hash, from which nobody comes back
  trap,         // a spam trap
  stray,        // a file or directory that is none of the tree's
  two_clients,  // a line with two addresses
  no_reply,     // of what ours have sent: not to that domain, or of another state
};
constexpr std::size_t kReasons = std::size_t(Reason::no_reply) + 1;
std::string_view to_string(Reason reason);

struct Skip {
  Reason reason = Reason::expired;
  std::string_view what;  // the text that it is about; may be empty, and anything
};

// Where it was found.
struct Place {
  std::string_view file;   // or the path in a tree
  std::uint64_t line = 0;  // from 1; of IndiMail's file the record; 0: the file says it
};
std::string to_string(const Place& place);  // "NAME:LINE", "NAME"

using What = std::variant<Record, Listed, Skip>;
struct Item {
  Place place;
  What what;
};
// What it is about, in printable words, for people: "192.0.2.1 a@example.org b@example.net".
std::string describe(const Item& item);
using Visit = std::function<void(const Item&)>;

// What the source has counted itself, over all of its records, also those that are not taken.
struct Sums {
  std::uint64_t blocked = 0, passed = 0;
  bool counted = false;  // it counts at all
};

}  // namespace grey::imports
