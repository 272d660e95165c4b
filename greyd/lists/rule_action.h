// What a rule of the operator's says (rule_list.h), and which one it was.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "greyd/base/seconds.h"

namespace grey {

// What a rule says. Where it says nothing the policy holds.
struct RuleAction {
  bool off = false;
  std::optional<Seconds> min_resend, window;
  std::optional<unsigned> passes;  // good retries that make a client known; 0: none ever is
  std::string text;                // of a deferral, see deferral.h; empty: the usual one

  bool operator==(const RuleAction&) const = default;
};

// The rule that has named who was asked about: where it stands, and what it says. False where none
// has. It outlives the list.
struct MatchedRule {
  struct Book {
    std::string file;
    std::vector<RuleAction> actions;  // of all rules, each once
  };

  explicit operator bool() const { return action != nullptr; }
  const std::string& file() const { return book->file; }

  std::shared_ptr<const Book> book;
  const RuleAction* action = nullptr;  // of the book
  std::uint32_t line = 0;              // from 1
};

}  // namespace grey
