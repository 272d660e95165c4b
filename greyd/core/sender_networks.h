// From where the mail of a domain comes, as its SPF record has it flattened to networks: what is
// known of it now, and a way to ask for the rest. Who asks never waits: what becomes known is told
// later.
#pragma once

#include <functional>
#include <string_view>

#include "greyd/base/seconds.h"
#include "greyd/lists/network_set.h"
#include "greyd/wire/ip.h"

namespace grey {

class SenderNetworks {
 public:
  // Told of a domain, in lower case, whose networks have become known, or have become other ones.
  // Does not throw. It may call find() and want().
  using Learned = std::function<void(std::string_view domain, const NetworkSet& networks)>;

  virtual ~SenderNetworks() = default;

  // The networks of that domain (in lower case), which may be none; null: not known, or no more.
  // Valid until the next call of whatever is not const, or the next turn of the loop.
  virtual const NetworkSet* find(std::string_view domain, Seconds now) const = 0;

  // Somebody has a use for them. Asked of the DNS, if that is not being done, and if there is room:
  // it is bounded, nothing is promised, and what is refused is counted. A domain that cannot be one
  // is passed over. `by`: the network of the client for whom; Ip(): for one of ours.
  virtual void want(std::string_view domain, Seconds now, const Ip& by) = 0;

  // One at a time; an empty function ends it.
  virtual void tell_learned(Learned learned) = 0;
};

}  // namespace grey
