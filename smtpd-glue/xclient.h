// XCLIENT, by which a proxy in front of a server names the real client
// (https://www.postfix.org/XCLIENT_README.html). The server decides whose XCLIENT it takes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace grey::smtp {

struct XclientNames {
  std::optional<std::string> address;  // IPv4 or IPv6 without its prefix; empty when not known
  std::string name;                    // the verified host name; empty when not given or not known
  bool logged_in = false;              // LOGIN gives a user's name
};

// The attributes of a command line; unknown ones are skipped.
XclientNames parse_xclient(std::string_view line);

}  // namespace grey::smtp
