// Edits the rules of a tcprules(1) text (rules_text.h). Pure. Every byte that is not part of the
// edit stays: other rules, comments, order, white space, quote characters, line endings. And of
// what tcpserver does with a client nothing changes but the variable: a rule that has to be made
// takes over those of the rule that has decided until then (rules_search.h), and none is made that
// would let somebody in.
//
// A rule that had to be made has a comment before it that says so; taking its variable out takes
// it out with the comment, so that the text is what it was.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/error.h"
#include "svctool/plan/greyip.h"

namespace grey::svctool {

struct RuleEdit {
  enum class Outcome { unchanged, changed, added, removed };
  Outcome outcome = Outcome::unchanged;
  std::string text;      // the whole file afterwards
  std::size_t line = 0;  // of the rule, from 1
  std::string rule;      // as it is afterwards, without white space at its end; or empty
  std::string before;    // as it was; empty when added
};

// An error with the number of the first line that tcprules would not take.
Result<void> check_rules(std::string_view text);

// Sets `name` in the first rule for `address`, and appends such a rule when there is none. An error
// when that rule denies or is never found, when it has another value and `force` is no, or when a
// new rule would change more than `name`.
// REQUIRES: `value` has no double quote and no control character.
Result<RuleEdit> set_rule_variable(std::string_view text, std::string_view address,
                                   std::string_view name, std::string_view value, Force force);

// What decides for the clients of a rule.
struct RuleDecision {
  std::size_t line = 0;  // 0: no rule, and they are let in
  std::string rule;
  bool allow = true;
  std::optional<std::string> value;  // of the variable
};

// The rule for `address`, or else those that decide for its clients; of the empty one also the rule
// "=", to which everyone else comes who has a name.
Result<std::vector<RuleDecision>> decisions(std::string_view text, std::string_view address,
                                            std::string_view name);

// The rules that let clients in by their names, without `name`: those do not come to the rule for
// everyone else.
std::vector<RuleDecision> named_before_everyone_else(std::string_view text, std::string_view name);

// All rules that let others than everyone else in without `name`: those, and those by addresses.
// Not of this host, and not of who may relay: they are no strangers.
std::vector<RuleDecision> allowed_without(std::string_view text, std::string_view name);

// Takes `name` out of the first rule for `address`, and the rule when it was made for `name` alone.
// Unchanged when it is not there.
Result<RuleEdit> remove_rule_variable(std::string_view text, std::string_view address,
                                      std::string_view name);

struct RuleEdits {
  std::string text;             // the whole file after all of them
  std::vector<RuleEdit> rules;  // in the file's order, each with its line before any of them
};

// As set_rule_variable() of the rule for everyone else, "", and of the rule "=" when there is one:
// those who have a name come to that. Of the two one may deny.
Result<RuleEdits> set_for_everyone_else(std::string_view text, std::string_view name,
                                        std::string_view value, Force force);

// The same of the first rules for everyone else, "" and "=", and of each rule that was made,
// whatever its address.
Result<RuleEdits> remove_made_variables(std::string_view text, std::string_view name);

}  // namespace grey::svctool
