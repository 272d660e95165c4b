#include "smtpd-glue/greysmtpd/proxy_header.h"

#include <algorithm>
#include <array>

namespace grey::smtp {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kLineBegins = "PROXY ";
constexpr std::size_t kShortestLine = "PROXY UNKNOWN\r\n"sv.size();
constexpr std::string_view kSignatureText = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t kFixed = 4;  // behind it: version and command, family and protocol, length

constexpr const char* kNoHeader = "what it sent is not a PROXY header";
constexpr const char* kBadLine = "its PROXY line cannot be read";
constexpr const char* kBadVersion = "its PROXY header has an unknown version or command";
constexpr const char* kBadFamily = "its PROXY header has an unknown address family or protocol";
constexpr const char* kShort = "its PROXY header is too short for its addresses";

enum Command : unsigned { kLocal = 0x20, kProxy = 0x21 };  // with the version
enum Family : unsigned { kUnspec = 0, kInet = 1, kInet6 = 2, kUnix = 3 };
enum Protocol : unsigned { kUnspecProtocol = 0, kStream = 1, kDatagram = 2 };
constexpr std::size_t kAddressSizes[] = {0, 12, 36, 216};  // by family, both addresses and ports

bool begins_alike(std::string_view a, std::string_view b) {
  const std::size_t size = std::min(a.size(), b.size());
  return a.substr(0, size) == b.substr(0, size);
}

// The text up to the next blank, which is then behind it; the whole when there is none.
std::string_view next_word(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(word.size() + 1, text.size()));
  return word;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  unsigned value = 0;
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + unsigned(c - '0');
  }
  if (value > 65535) return std::nullopt;
  return std::uint16_t(value);
}

// "192.0.2.1 192.0.2.2 4711 25"
std::optional<ProxiedConnection> parse_line_addresses(std::string_view text, bool v4) {
  const auto client = Ip::parse(next_word(text)), local = Ip::parse(next_word(text));
  const auto client_port = parse_port(next_word(text)), local_port = parse_port(text);
  if (!client || !local || !client_port || !local_port) return std::nullopt;
  if (v4 && !(client->is_v4() && local->is_v4())) return std::nullopt;
  return ProxiedConnection{{*client, *client_port}, {*local, *local_port}};
}

unsigned octet_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}
std::uint16_t port_at(std::string_view bytes, std::size_t at) {
  return std::uint16_t(octet_at(bytes, at) << 8 | octet_at(bytes, at + 1));
}
Ip v4_at(std::string_view bytes, std::size_t at) {
  std::uint32_t address = 0;
  for (std::size_t i = 0; i < 4; ++i) address = address << 8 | octet_at(bytes, at + i);
  return Ip::from_v4(address);
}
Ip v6_at(std::string_view bytes, std::size_t at) {
  std::array<std::uint8_t, 16> address;
  for (std::size_t i = 0; i < 16; ++i) address[i] = std::uint8_t(octet_at(bytes, at + i));
  return Ip(address);
}

}  // namespace

void ProxyHeader::refuse(const char* fault) {
  fault_ = fault;
  wanted_ = 0;
}

void ProxyHeader::take(std::string_view bytes) {
  if (bytes.empty()) return;
  begun_ = true;
  wanted_ -= bytes.size();
  if (stage_ == Stage::rest) return;
  bytes_.append(bytes);
  switch (stage_) {
    case Stage::beginning:
      return take_beginning();
    case Stage::line:
      return take_line();
    case Stage::fixed:
      if (wanted_ == 0) take_fixed();
      return;
    case Stage::addresses:
      if (wanted_ == 0) take_addresses();
      return;
    case Stage::rest:
      return;
  }
}

// Who sends something else is told so at once: a client that is no proxy waits for our greeting.
void ProxyHeader::take_beginning() {
  if (begins_alike(bytes_, kLineBegins)) {
    if (bytes_.size() < kLineBegins.size()) return;
    stage_ = Stage::line;
    return take_line();
  }
  if (!begins_alike(bytes_, kSignatureText)) return refuse(kNoHeader);
  if (wanted_ > 0) return;
  stage_ = Stage::fixed;
  wanted_ = kFixed;
}

// Nobody knows where a line ends, so it is read octet by octet from where the shortest does.
void ProxyHeader::take_line() {
  std::string_view line = bytes_;
  if (!line.ends_with('\n')) {
    if (line.find('\n') != std::string_view::npos || line.size() >= kMaxLine)
      return refuse(kBadLine);
    wanted_ = line.size() < kShortestLine ? kShortestLine - line.size() : 1;
    return;
  }
  if (!line.ends_with("\r\n") || line.find('\n') + 1 != line.size()) return refuse(kBadLine);
  wanted_ = 0;
  line.remove_suffix(2);
  line.remove_prefix(kLineBegins.size());
  const std::string_view family = next_word(line);
  if (family == "UNKNOWN") return;  // "the receiver must ignore anything presented before the CRLF"
  if (family != "TCP4" && family != "TCP6") return refuse(kBadLine);
  connection_ = parse_line_addresses(line, family == "TCP4");
  if (!connection_) refuse(kBadLine);
}

// Of LOCAL the rest is not looked at, "including the family which is ignored". The addresses of
// UNSPEC and of unix sockets tell us nothing; their header is as good as any.
void ProxyHeader::take_fixed() {
  const unsigned command = octet_at(bytes_, kSignature);
  const unsigned family = octet_at(bytes_, kSignature + 1) >> 4;
  const unsigned protocol = octet_at(bytes_, kSignature + 1) & 15;
  const std::size_t length = port_at(bytes_, kSignature + 2);
  if (command != kLocal && command != kProxy) return refuse(kBadVersion);
  is_local_ = command == kLocal;
  if (!is_local_ && (family > kUnix || protocol > kDatagram)) return refuse(kBadFamily);
  if (!is_local_ && length < kAddressSizes[family]) return refuse(kShort);
  const bool has_addresses =
      !is_local_ && (family == kInet || family == kInet6) && protocol != kUnspecProtocol;
  const std::size_t addresses = has_addresses ? kAddressSizes[family] : 0;
  stage_ = has_addresses ? Stage::addresses : Stage::rest;
  rest_ = length - addresses;
  wanted_ = has_addresses ? addresses : rest_;
}

void ProxyHeader::take_addresses() {
  const std::string_view at = std::string_view(bytes_).substr(kSignature + kFixed);
  if (at.size() == kAddressSizes[kInet]) {
    connection_ = {{v4_at(at, 0), port_at(at, 8)}, {v4_at(at, 4), port_at(at, 10)}};
  } else {
    connection_ = {{v6_at(at, 0), port_at(at, 32)}, {v6_at(at, 16), port_at(at, 34)}};
  }
  stage_ = Stage::rest;
  wanted_ = rest_;
}

}  // namespace grey::smtp
