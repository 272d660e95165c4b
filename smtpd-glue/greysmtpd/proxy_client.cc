#include "smtpd-glue/greysmtpd/proxy_client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "smtpd-glue/greysmtpd/descriptor.h"
#include "smtpd-glue/greysmtpd/wrapper_settings.h"
#include "smtpd-glue/libgreylist/deadline.h"
#include "smtpd-glue/libgreylist/exemption.h"

namespace grey::smtp {
namespace {

// RFC 3463, 4.3.5: system incorrectly configured.
constexpr std::string_view kNoHeaderReply = "421 4.3.5 A PROXY header was expected\r\n";
constexpr std::string_view kBadSettingReply = "421 4.3.5 Not available now\r\n";
constexpr int kLastWordsMs = 2000;

std::string_view variable(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

std::optional<unsigned> parse_bits(std::string_view text, unsigned most) {
  unsigned bits = 0;
  if (text.empty() || text.size() > 3) return std::nullopt;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    bits = bits * 10 + unsigned(c - '0');
  }
  return bits <= most ? std::optional(bits) : std::nullopt;
}

std::optional<Network> parse_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto ip = Ip::parse(text.substr(0, slash));
  if (!ip) return std::nullopt;
  unsigned prefix = 128;
  if (slash != std::string_view::npos) {
    const bool dotted = text.find(':') == std::string_view::npos;
    const unsigned before = dotted ? Ip::kV4Bits : 0;
    const auto bits = parse_bits(text.substr(slash + 1), 128 - before);
    if (!bits) return std::nullopt;
    prefix = before + *bits;
    if (ip->is_v4() && prefix < Ip::kV4Bits) return std::nullopt;
  }
  return Network{ip->network(prefix), prefix};
}

bool wait_readable(int fd, const Deadline& deadline) {
  for (;;) {
    pollfd polled{fd, POLLIN, 0};
    const int ready = poll(&polled, 1, deadline.left_ms());
    if (ready > 0) return true;
    if (deadline.passed()) return false;
  }
}

// The reply, and time to read it: were the connection closed with something unread in it, the peer
// would get a reset, which may overtake the reply.
void dismiss(int in, int out, std::string_view reply) {
  signal(SIGPIPE, SIG_IGN);
  pollfd polled{out, POLLOUT, 0};
  if (poll(&polled, 1, kLastWordsMs) <= 0 || write_once(out, reply) < 0) return;
  if (shutdown(out, SHUT_WR) != 0) return;
  const auto deadline = Deadline::after(kLastWordsMs);
  char buffer[4096];
  while (wait_readable(in, deadline)) {
    const ssize_t got = read_once(in, buffer, sizeof buffer);
    if (got == 0 || (got < 0 && !would_block(errno))) return;
  }
}

// A rule of tcp.smtp for one's own network would make an open relay of a proxy there.
void take_away_grants() {
  for (const char* granted : glue::kExempting) unsetenv(granted);
  for (const char* spared : {"JGREYLIST", "RBLSMTPD"}) {  // an empty one lets the client pass
    if (variable(spared).empty()) unsetenv(spared);
  }
}

// tcpserver's names, and those that some of its kin set besides.
void name_client(const ProxiedConnection& connection) {
  const struct {
    const char* name;
    std::string value;
  } ends[] = {{"REMOTEIP", to_string(connection.client.ip)},
              {"REMOTEPORT", std::to_string(connection.client.port)},
              {"LOCALIP", to_string(connection.local.ip)},
              {"LOCALPORT", std::to_string(connection.local.port)}};
  for (const std::string& protocol :
       {std::string("TCP"), std::string("TCP6"), std::string("SSL")}) {
    for (const auto& [name, value] : ends) {
      const std::string variable_name = protocol + name;
      if (protocol == "TCP" || getenv(variable_name.c_str()) != nullptr)
        setenv(variable_name.c_str(), value.c_str(), 1);
    }
    for (const char* name : {"REMOTEHOST", "REMOTEINFO"}) unsetenv((protocol + name).c_str());
  }
}

}  // namespace

std::optional<std::vector<Network>> parse_networks(std::string_view text) {
  std::vector<Network> networks;
  for (;;) {
    const std::size_t comma = text.find(',');
    const auto network = parse_network(text.substr(0, comma));
    if (!network) return std::nullopt;
    networks.push_back(*network);
    if (comma == std::string_view::npos) return networks;
    text.remove_prefix(comma + 1);
  }
}

bool is_in(const std::vector<Network>& networks, const Ip& ip) {
  return std::any_of(networks.begin(), networks.end(), [&](const Network& network) {
    return network.contains(ip) && network.address.is_v4() == ip.is_v4();
  });
}

std::string_view read_proxy_header(ProxyHeader& header, int fd, int limit_ms) {
  const auto deadline = Deadline::after(limit_ms);
  while (header.wanted() > 0) {
    if (!wait_readable(fd, deadline))
      return header.begun() ? "its PROXY header is not complete in time"
                            : "it sends no PROXY header";
    char buffer[1024];
    const ssize_t got = read_once(fd, buffer, std::min(sizeof buffer, header.wanted()));
    if (got < 0 && would_block(errno)) continue;
    if (got <= 0) return "it ended the connection before its PROXY header did";
    header.take({buffer, std::size_t(got)});
  }
  return header.fault() == nullptr ? std::string_view() : header.fault();
}

void set_client_environment(const ProxyHeader& header) {
  unsetenv("GREYPROXY");  // the peer has said its header, and may be the client of no proxy now
  if (header.is_local()) return;
  take_away_grants();
  if (!header.connection()) return;
  name_client(*header.connection());
  unsetenv("JGREYLIST_NOREV");  // it refuses who has no name, and nobody has looked this one's up
}

bool take_proxy_header(int in, int out) {
  const std::string_view named = variable("GREYPROXY");
  const std::string proxy(variable("TCPREMOTEIP"));
  if (named.empty()) return true;
  const auto networks = parse_networks(named);
  if (!networks) {
    log_line("bad value of GREYPROXY: " + std::string(named.substr(0, 100)) +
             "; it is a list of networks, and nobody is served");
    dismiss(in, out, kBadSettingReply);
    return false;
  }
  const auto peer = Ip::parse_client(proxy);
  if (!peer || !is_in(*networks, *peer)) return true;

  ProxyHeader header;
  const std::string_view fault = read_proxy_header(header, in);
  if (!fault.empty()) {
    log_line("client=" + proxy + ": refused: GREYPROXY names it, but " + std::string(fault));
    dismiss(in, out, kNoHeaderReply);
    return false;
  }
  const std::string port(variable("TCPREMOTEPORT"));
  const bool relays = getenv(glue::kRelayClient) != nullptr;
  set_client_environment(header);
  if (header.connection()) {
    log_line("client=" + std::string(variable("TCPREMOTEIP")) + " proxy=" + proxy + "@" + port +
             (relays ? ": the proxy's RELAYCLIENT is not the client's" : ""));
  }
  return true;
}

}  // namespace grey::smtp
