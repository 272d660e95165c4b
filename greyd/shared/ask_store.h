// What there is to know of a store before a daemon shares it, without becoming one of those who do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/core/policy.h"
#include "greyd/shared/shared_state.h"

namespace grey::shared {

// Whether what keeps a daemon from sharing may end by itself.
enum class Passes : std::uint8_t {
  maybe,
  no,
  shares,  // nothing keeps it: it shares all the same
};

// Something for which a daemon would decide alone, or that an operator should know all the same.
struct StoreRemark {
  // For programs: a Fault as to_string() spells it, "other_policy", "other_key", "clock" or
  // "evicts".
  std::string word;
  std::string text;  // one line: what and where
  Passes passes = Passes::maybe;
  bool operator==(const StoreRemark&) const = default;
};

// Connects, probes, and compares policy and clock, within about a second: what takes longer is a
// remark. Nothing is left in the store. It is asked by a process of our own, as a name server may
// hold up whoever asks it; REQUIRES: this one has no other threads.
std::vector<StoreRemark> ask_store(const SharedSettings& settings, const Policy& policy);

// How it is logged: "store: unreachable: db1:6379: Connection refused; ...".
std::string to_line(const StoreRemark& remark);

}  // namespace grey::shared
