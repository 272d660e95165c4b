// The list of greylisting daemons that GREYIP names.
//
// Part of libgreylist: no C++ runtime, no allocation.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "greyd/wire/endpoint.h"
#include "smtpd-glue/libgreylist/greylist.h"

namespace grey::glue {

struct Servers {
  Endpoint list[GREYLIST_MAX_SERVERS];
  std::size_t count = 0;
};

// Nothing when any member is bad or there are too many.
std::optional<Servers> parse_servers(std::string_view text);

}  // namespace grey::glue
