// Edits one rule of a tcprules(1) text. Pure. Every byte that is not part of the edit stays: other
// rules, comments, order, white space, quote characters, line endings.
//
// A rule is ADDRESS:allow or ADDRESS:deny, followed by any number of ,NAME=qVALUEq in which q is
// any character. An empty ADDRESS is the rule for everyone else. Of two rules for one address
// tcpserver finds the first.
//
// A rule that had to be made has a comment before it that says so; taking its variable out takes
// both lines out, so that the text is what it was.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/error.h"
#include "svctool/greyip.h"

namespace grey::svctool {

struct RuleEdit {
  enum class Outcome { unchanged, changed, added, removed };
  Outcome outcome = Outcome::unchanged;
  std::string text;      // the whole file afterwards
  std::size_t line = 0;  // of the rule, from 1
  std::string rule;      // as it is afterwards, without white space at its end; or empty
  std::string before;    // as it was; empty when added
};

// An error with the number of the first line that tcprules would not take. Asked before tcprules
// is, because ucspi-tcp-ipv6's loops forever over a line that has neither ":allow" nor ":deny".
Result<void> check_rules(std::string_view text);

// Sets `name` in the first rule for `address`, and appends such a rule when there is none. An error
// when that rule denies, when it has another value and `force` is no, or when a new rule would not
// be found or would let somebody in who is denied now.
// REQUIRES: `value` has no double quote and no control character.
Result<RuleEdit> set_rule_variable(std::string_view text, std::string_view address,
                                   std::string_view name, std::string_view value, Force force);

// The value of `name` in the first rule for `address`; nothing when it has none.
Result<std::optional<std::string>> rule_variable(std::string_view text, std::string_view address,
                                                 std::string_view name);

// Takes `name` out of the first rule for `address`, and the rule when it was made for `name` alone.
// Unchanged when it is not there.
Result<RuleEdit> remove_rule_variable(std::string_view text, std::string_view address,
                                      std::string_view name);

struct RuleEdits {
  std::string text;             // the whole file after all of them
  std::vector<RuleEdit> rules;  // in the file's order, each with its line before any of them
};

// The same of the first rule for everyone else and of each rule that was made, whatever its
// address.
Result<RuleEdits> remove_made_variables(std::string_view text, std::string_view name);

}  // namespace grey::svctool
