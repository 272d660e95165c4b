// Domain names as they stand in lists and in addresses. They compare without case and without a dot
// at the end; a label with letters beyond ASCII has two forms (RFC 5890, 2.3.2.1), "bücher" and
// "xn--bcher-kva", and an entry stands for both.
//
// The entry is what gets converted. A name that is sent never is: it comes from anybody, and what a
// conversion costs is for its sender to choose.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "greyd/wire/dns_domain.h"

namespace grey {

// Whether it has labels of letters, digits, '-', '_' and octets beyond ASCII, with dots between
// them. Nothing is said of its length.
bool is_domain_name(std::string_view name);

// What an operator writes for one domain ("example.com"), for all below one (".example.com") or for
// a literal ("[192.0.2.1]", "[IPv6:2001:db8::1]"), in each form in which it compares; none when no
// name that can be sent is that.
std::vector<std::string> read_domain(std::string_view text);

// What follows `spf:` in an entry, as the DNS has it (dns_domain.h); empty: it is no such domain.
std::string read_dns_domain(std::string_view text);

// A name as it is sent, as it compares; what is no name stays what it is.
std::string fold_domain(std::string_view name);
// The same appended to `text`.
void append_folded_domain(std::string& text, std::string_view name);

}  // namespace grey
