// What the daemon is, how it stands, and what it has counted, as objects of JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "greyd/base/counters.h"
#include "greyd/base/json_line.h"
#include "greyd/control/sharing.h"
#include "greyd/core/policy.h"
#include "greyd/fronts/key_keeper.h"
#include "greyd/lookups/lookups.h"
#include "greyd/service/service.h"

namespace grey {

// What does not change as long as it runs.
struct DaemonFacts {
  std::vector<std::string> listen;  // where it is asked: "127.0.0.1@1999", "/run/policy"
  std::string context_file;
  std::size_t max_records = 0;
  Seconds since = 0;                  // its start
  KeyKeeper* keys = nullptr;          // of who asks by UDP; nullptr: there are none
  std::string_view require_key = {};  // the word of --require-key
};

// Parts that a daemon may have: nullptr where it has none.
struct OtherParts {
  const Sharing* sharing = nullptr;  // nobody shares its state
  const Lookups* lookups = nullptr;
};

// One line: version, policy, records, lists, state on the disk, and "problems", a list of texts
// that is empty when all is well.
void append_status(std::string& out, const DaemonFacts& facts, Service& service,
                   const Counters& counters, const OtherParts& others, Seconds now);

// One line: each counter by its name.
void append_stats(std::string& out, const DaemonFacts& facts, const Counters& counters,
                  const OtherParts& others, Seconds now);

// The terms and keys of a policy.
void add_policy(JsonLine& line, const Policy& policy);
// The same back, of a status. Nothing where that has none, or one of another version.
std::optional<Policy> policy_of(const nlohmann::json& status);

}  // namespace grey
