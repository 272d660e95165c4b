// Senders and recipients as a list names them, and as they are looked up in it. Both become a key:
//
//   user@example.com    one address            user@.example.com   the user at all domains below
//   @example.com        all of a domain        @.example.com       all of the domains below it
//   user@               the user, at any domain or none
//
// Fronts send a local part as it is meant ("john doe@x") or as it was written ("\"john doe\"@x"):
// in a key it is as it is meant, and ASCII letters are in lower case.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace grey {

// Octets of an entry, and of its keys: 64 for the local part, "@", 255 for the domain (RFC 5321,
// 4.5.3.1). Longer addresses are none.
constexpr std::size_t kMaxMailbox = 320;

// The keys of a list's entry, without "to:", one for each form of its domain; none when no address
// that can be sent would match it. "*@" is "@", and "@*." is "@."; a local part with blanks or
// specials is in quotes.
std::vector<std::string> read_mailbox(std::string_view entry);

// An address as it is sent.
struct Mailbox {
  std::string text;    // "user@example.com"; "user@" for one without a domain
  std::size_t at = 0;  // where in it the '@' is

  std::string_view local() const { return std::string_view(text).substr(0, at); }
  std::string_view domain() const { return std::string_view(text).substr(at + 1); }
};
Mailbox fold_mailbox(std::string_view address);
// The same appended to `text`. Where in it the '@' is.
std::size_t append_folded_mailbox(std::string& text, std::string_view address);

}  // namespace grey
