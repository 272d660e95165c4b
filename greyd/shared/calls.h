// What a daemon says to the store, and what the store says to it: keys, arguments and answers of
// the scripts. Pure.
//
// Keys: "c:{192.0.2.0}" is a client, "g:{192.0.2.0}:" and 16 octets a triplet: so all that one
// query asks about lies in one slot of a cluster. The octets are a keyed hash of what counts of
// sender and recipient: the store holds no mail addresses, and who has no key cannot guess them.
// What was sent is a triplet of "sent:example.com".
#pragma once

#include <string>
#include <string_view>

#include "greyd/base/hash_key.h"
#include "greyd/base/strings.h"
#include "greyd/core/key.h"
#include "greyd/core/knowledge.h"
#include "greyd/core/policy.h"
#include "greyd/core/record.h"

namespace grey::shared {

// A call of a script: its keys and arguments, bytes each.
struct Call {
  std::string_view script;
  Strings keys, arguments;
  // No mail waits for it, and it may take its time: what is much, over a link that is slow, comes
  // later, and would never have come were it given up as soon as what a mail waits for.
  bool unhurried = false;
};

class Keys {
 public:
  // `hash_key`: the cluster's.
  explicit Keys(const HashKey& hash_key) : hash_key_(hash_key) {}

  // REQUIRES of all: clients and addresses as they stand in a record, what counts of them.

  std::string client(const Client& client) const;
  std::string triplet(const Client& client, std::string_view sender,
                      std::string_view recipient) const;
  // Of a record of either kind.
  std::string of(const SavedRecord& record) const;
  void append(std::string& out, const SavedRecord& record) const;

 private:
  void append_client(std::string& out, const Client& client) const;
  void append_triplet(std::string& out, const Client& client, std::string_view sender,
                      std::string_view recipient) const;

  const HashKey hash_key_;
};

// Begin a call, which may be one that has been made before: see scripts.h. To be added are the
// client, then the triplets.
void begin_ask(Call& call, const Policy& policy, Seconds now);
void begin_pass(Call& call, const Policy& policy, Seconds now, bool earns);
// Of what was sent, which is to be added as keys alone.
void begin_read(Call& call);
// `forgotten`: when it was last forgotten by command; 0: never.
void add(Call& call, std::string_view key, Seconds forgotten);

// For many records.
class Tell {
 public:
  explicit Tell(const Policy& policy) : policy_(policy) {}
  // Nothing is said of one that is over at `now`.
  void add(std::string_view key, const RecordState& record, Seconds now);
  bool empty() const { return call_.keys.empty(); }
  std::size_t size() const { return call_.keys.size(); }
  Call take();

 private:
  const Policy policy_;
  Call call_;
};

}  // namespace grey::shared
