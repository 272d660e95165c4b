// One line of the operator's rules (rule_list.h), read for itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/error.h"
#include "greyd/lists/network_set.h"
#include "greyd/lists/rule_action.h"
#include "greyd/lists/rule_keys.h"

namespace grey {

struct RuleLine {
  std::vector<RuleEntry> who;  // of each kind one at most, in the order of the kinds; none: `*`
  RuleAction action;
  // Of a `spf:` entry, whose networks are the entry of that kind; empty: there is none.
  std::string domain;
};

// `line`: without its comment. An error says what is wrong, but not where.
Result<RuleLine> read_rule_line(std::string_view line, const DomainNetworks& networks_of = {});

}  // namespace grey
