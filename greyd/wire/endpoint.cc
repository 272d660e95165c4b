#include "greyd/wire/endpoint.h"

namespace grey {
namespace {

// std::string_view::substr can throw, which the C client library has no runtime for.
std::string_view slice(std::string_view text, std::size_t from, std::size_t to) {
  return {text.data() + from, to - from};
}

std::optional<std::uint16_t> parse_port(std::string_view text, std::uint16_t default_port) {
  if (text.empty()) return default_port;
  if (text.size() > 5) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + unsigned(c - '0');
  }
  if (value == 0 || value > 65535) return std::nullopt;
  return std::uint16_t(value);
}

std::optional<Ip> parse_host(std::string_view text, Wildcards wildcards) {
  if (text.empty()) return Endpoint{}.ip;
  if (wildcards == Wildcards::allowed && (text == "*" || text == "0")) return Ip{};
  if (text == "0") return Endpoint{}.ip;
  return Ip::parse(text);
}

struct Split {
  std::string_view host, port;
};

std::optional<Split> split(std::string_view text) {
  const std::size_t size = text.size();
  if (text[0] == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || close == 1) return std::nullopt;
    const std::string_view host = slice(text, 1, close);
    if (close + 1 == size) return Split{host, {}};
    if (text[close + 1] != '@' && text[close + 1] != ':') return std::nullopt;
    return Split{host, slice(text, close + 2, size)};
  }
  std::size_t mark = text.find('@');
  if (mark == std::string_view::npos && !Ip::parse(text)) mark = text.rfind(':');
  if (mark == std::string_view::npos) return Split{text, {}};
  const std::string_view host = slice(text, 0, mark);
  // "2001:db8::1:99999" is a mistyped address, not an address and a port.
  if (text[mark] == ':' && host.find(':') != std::string_view::npos) return std::nullopt;
  return Split{host, slice(text, mark + 1, size)};
}

}  // namespace

std::optional<Endpoint> parse_endpoint(std::string_view text, Wildcards wildcards,
                                       std::uint16_t default_port) {
  if (text.empty()) return std::nullopt;
  const std::optional<Split> parts = split(text);
  if (!parts) return std::nullopt;
  const std::optional<Ip> ip = parse_host(parts->host, wildcards);
  const std::optional<std::uint16_t> port = parse_port(parts->port, default_port);
  if (!ip || !port) return std::nullopt;
  return Endpoint{*ip, *port};
}

}  // namespace grey
