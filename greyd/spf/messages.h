// What the daemon and the process that asks the DNS for it (lookup_helper/) tell each other, over a
// SOCK_SEQPACKET socket: a message each, of printable ASCII.
//
//   daemon -> helper    "Q 17 example.com"                                   a question
//   helper -> daemon    "A 17 example.com whole 3600 192.0.2.0/24 2001:db8::/32"
//                       "U"                             it has begun, and will answer
//                       "T cannot read /etc/resolv.conf"    what troubles it, for people
//   spawner -> daemon   "D 9"                           the helper has died: what waitpid(2) says
//
// Who reads answers takes them for anybody's: the helper reads what the world sends it. What is not
// written exactly as these functions write it is no message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "greyd/spf/flattened.h"

namespace grey::spf {

// Octets. An answer has kMaxNetworks of 44 at most, and the domain.
constexpr std::size_t kMaxMessage = 16'384;
constexpr std::size_t kMaxTrouble = 200;

struct DomainQuestion {
  std::uint32_t id = 0;
  std::string domain;  // as read_name() has it
};

struct DomainAnswer {
  std::uint32_t id = 0;
  std::string domain;
  Flattened flattened;
};
struct HelperUp {};
struct HelperTrouble {
  std::string text;  // printable ASCII
};
struct HelperDied {
  int status = 0;
};
using HelperMessage = std::variant<DomainAnswer, HelperUp, HelperTrouble, HelperDied>;

std::string to_text(const DomainQuestion& question);
std::optional<DomainQuestion> read_question(std::string_view text);

std::string to_text(const HelperMessage& message);
std::optional<HelperMessage> read_message(std::string_view text);

// "whole 3600 192.0.2.0/24 2001:db8::/32", and back. Networks are fit, in order, none within
// another.
std::string to_text(const Flattened& flattened);
std::optional<Flattened> read_flattened(std::string_view text);

}  // namespace grey::spf
