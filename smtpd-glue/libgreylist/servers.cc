#include "smtpd-glue/libgreylist/servers.h"

#include <string.h>

namespace grey::glue {

std::optional<Servers> parse_servers(std::string_view text) {
  Servers servers;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (;; ++at) {
    const void* comma = memchr(at, ',', std::size_t(end - at));
    const char* const stop = comma == nullptr ? end : static_cast<const char*>(comma);
    const auto server = parse_endpoint({at, std::size_t(stop - at)}, Wildcards::refused);
    if (!server || servers.count == GREYLIST_MAX_SERVERS) return std::nullopt;
    servers.list[servers.count++] = *server;
    if (stop == end) return servers;
    at = stop;
  }
}

}  // namespace grey::glue
