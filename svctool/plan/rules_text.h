// The rules in a tcprules(1) text. Pure.
//
// A rule is ADDRESS:allow or ADDRESS:deny, followed by any number of ,NAME=qVALUEq in which q is
// any character. An empty ADDRESS is the rule for everyone else.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/base/error.h"

namespace grey::svctool {

// Offsets are into the whole text, which must outlive this.
struct RuleVariable {
  std::size_t begin = 0;  // the comma before it
  std::size_t end = 0;    // after the closing quote
  std::string_view name, value;
  char quote = '"';
};

struct Rule {
  std::size_t line = 0;            // from 1
  std::size_t begin = 0, end = 0;  // without white space at the end
  std::string_view address;
  bool allow = false;
  std::vector<RuleVariable> variables;

  std::string_view in(std::string_view text) const { return text.substr(begin, end - begin); }
};

// In the file's order. An error with the number of the first line that tcprules would not take.
// Asked before tcprules is, because ucspi-tcp-ipv6's loops forever over a line that has neither
// ":allow" nor ":deny", be it of blanks alone.
Result<std::vector<Rule>> parse_rules(std::string_view text);

// tcpserver hands the variables on in order, so that of two with one name the last counts.
const RuleVariable* find_variable(const Rule& rule, std::string_view name);

// "line 3: WHAT: TEXT"
tl::unexpected<Error> bad_line(std::size_t line, std::string_view text, std::string_view what);

}  // namespace grey::svctool
