// The text of an SPF record (RFC 7208, 4.5, 4.6, 5, 6), read whole or not at all. Anybody's octets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/wire/ip.h"

namespace grey::spf {

constexpr std::size_t kMaxRecord = 16'384;  // octets of its text; those that are used have 2,000

enum class Mechanism : std::uint8_t {
  all,
  ip4_ip6,
  a,
  mx,
  include,
  // exists, ptr, or with a macro (a '%' in it): names nobody here, and is counted as what asks the
  // DNS.
  uncertain,
};

struct Term {
  Mechanism mechanism = Mechanism::all;
  bool passes = true;  // its qualifier is "+", or there is none
  Network network;     // of ip4_ip6
  // Of others a name that may be asked for; empty: the domain's own (a, mx).
  std::string domain;
  unsigned v4_prefix = 32, v6_prefix = 128;  // of a, mx
};

struct Record {
  std::vector<Term> terms;
  std::string redirect;  // empty: there is none
};

// Whether a TXT record's text is meant as an SPF record: "v=spf1", and a blank or nothing behind
// it.
bool is_record(std::string_view text);

// REQUIRES: is_record(text). Nothing when there is an error in it, anywhere, or it is longer than
// kMaxRecord. Modifiers but redirect are left out, and so is that with a macro.
std::optional<Record> read_record(std::string_view text);

}  // namespace grey::spf
