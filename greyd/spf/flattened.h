// What has become of flattening a domain's SPF record (flattening.h), and within which bounds it
// is: who is told one by a process that reads what anybody sends looks at these again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "greyd/base/seconds.h"
#include "greyd/wire/ip.h"

namespace grey::spf {

constexpr std::size_t kMaxNetworks = 256;
// None is wider.
constexpr unsigned kWidestV4 = Ip::kV4Bits + 12, kWidestV6 = 32;
constexpr Seconds kLeastTtl = 10 * 60, kMostTtl = 86'400;

enum class Ended : std::uint8_t {
  whole,              // the record has been read to its end
  no_record,          // the domain is not there, or has none
  temporary,          // the DNS gave no answer: nothing is known, and nothing is to be kept
  not_a_domain,       // what was asked for
  several_records,    // a domain has more than one; that is an error, as those below are
  bad_record,         // one has a term that is none, or is too long
  missing_record,     // an include or redirect leads to a domain that has none
  too_many_terms,     // more than 10 that ask the DNS
  too_many_void,      // more than 2 of them got nothing
  too_many_hosts,     // a domain has more than 10 mail exchangers, or all have more than 20
  too_many_networks,  // more than kMaxNetworks
};
constexpr std::size_t kEnds = 11;

// "whole", "no-record"
std::string_view to_string(Ended ended);
std::optional<Ended> ended_named(std::string_view name);
// In a sentence for people: "it has no SPF record".
std::string_view meaning_of(Ended ended);

struct Flattened {
  Ended ended = Ended::temporary;
  // How long it holds, from kLeastTtl to kMostTtl. Of no meaning where it is temporary.
  Seconds ttl = kLeastTtl;
  // Those that pass; in order, IPv4 first, none within another. After an error those before it. Of
  // a temporary end, and without a record: none.
  std::vector<Network> networks;
};

// Whether a network may be one of them.
bool is_fit(const Network& network);

}  // namespace grey::spf
