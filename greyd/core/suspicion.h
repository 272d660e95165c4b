// By what a client is suspect of being no mail server: what its front knows of it, and needs no
// DNS of ours. SELECTION in qmail-greyd(8) has the table for who sets it up.
//
// Pure, of the query alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "greyd/wire/wire.h"

namespace grey {

// In the order of the table, and of whatever tells them.
enum class Suspicion : std::uint8_t {
  no_name,  // it has no verified name, or its front has told none
  name,     // its verified name is made of its address
  helo,     // what it says in HELO is no name of a host, nor its address
  early,    // it spoke before it was greeted
  bounces,  // a null sender, and several recipients
};
constexpr std::size_t kSuspicions = 5;
std::string_view to_string(Suspicion suspicion);  // "no-name", "name", ...

// Some of them.
class Suspicions {
 public:
  constexpr bool none() const { return bits_ == 0; }
  constexpr bool has(Suspicion suspicion) const { return (bits_ & bit(suspicion)) != 0; }
  constexpr void add(Suspicion suspicion) { bits_ |= bit(suspicion); }
  // Calls visit(Suspicion) for each, in their order.
  template <typename Visit>
  constexpr void for_each(Visit visit) const {
    for (std::size_t i = 0; i < kSuspicions; ++i) {
      if (has(Suspicion(i))) visit(Suspicion(i));
    }
  }
  bool operator==(const Suspicions&) const = default;

 private:
  static constexpr std::uint8_t bit(Suspicion suspicion) {
    return std::uint8_t(1u << unsigned(suspicion));
  }
  std::uint8_t bits_ = 0;
};

// What is not known makes suspect where a server would have told it (a name), and does not where
// the front cannot know (HELO, who spoke first): an old front leaves greylisting as it always was.
// `name_is_address`: whether the client's name is made of its address, from who knows it already.
Suspicions suspicions_of(const wire::Query& query, std::optional<bool> name_is_address = {});

}  // namespace grey
