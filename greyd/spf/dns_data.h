// The data of DNS records (RDATA, RFC 1035, 3.3) as they are on the wire, names in them not
// compressed. Anybody's octets: what is not well formed is nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "greyd/wire/ip.h"

namespace grey::spf {

enum class Type : std::uint16_t { a = 1, mx = 15, txt = 16, aaaa = 28 };

// The strings of a TXT record, joined (RFC 7208, 3.3).
std::optional<std::string> read_txt(std::string_view data);
std::optional<Ip> read_a(std::string_view data);
std::optional<Ip> read_aaaa(std::string_view data);  // not one that is IPv4's (::ffff:0:0/96)
// The host of an MX record, as text in lower case; empty: none ("."; RFC 7505).
std::optional<std::string> read_mx(std::string_view data);

// A name that may be asked for: labels of letters, digits, '-' and '_', two of them or more, in
// lower case and without the dot at its end; nothing when it is none. Only ASCII: other letters
// have a form for the DNS, which who asks has to know.
std::optional<std::string> read_name(std::string_view text);

}  // namespace grey::spf
