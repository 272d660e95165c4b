#include "svctool/probe.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "greyd/files.h"
#include "greyd/wire.h"

namespace grey::svctool {
namespace {

constexpr int kTries = 3;
constexpr int kTryMilliseconds = 1000;

// Connected, so that a closed port is told at once.
int connect_to(int fd, const Endpoint& endpoint) {
  const auto& bytes = endpoint.ip.bytes();
  if (endpoint.ip.is_v4()) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    std::copy(bytes.begin() + 12, bytes.end(), reinterpret_cast<unsigned char*>(&address.sin_addr));
    return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(endpoint.port);
  std::copy(bytes.begin(), bytes.end(), address.sin6_addr.s6_addr);
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

// Nothing for another daemon's own way.
std::optional<wire::Reason> reason_of(const unsigned char (&answer)[2]) {
  for (int index = 0; index <= int(wire::Reason::bounce); ++index) {
    const auto reason = wire::Reason(index);
    const wire::Answer known = wire::to_answer(reason);
    if (std::memcmp(known.bytes, answer, sizeof answer) == 0) return reason;
  }
  return std::nullopt;
}

std::string describe(std::optional<wire::Reason> reason) {
  if (!reason) return "answers";
  // To a probe qmail-greyd never says so otherwise.
  const char* more = *reason == wire::Reason::known ? ": in a dry run, or no qmail-greyd" : "";
  return "answers (" + std::string(wire::to_string(*reason)) + more + ")";
}

// The outcome stays empty when nothing came in time.
void ask_once(int fd, const char* datagram, std::size_t size, Probe& result) {
  unsigned char answer[2] = {0xff, 0xff};
  pollfd waiting{fd, POLLIN, 0};
  const bool sent = ::send(fd, datagram, size, 0) >= 0;
  if (sent && ::poll(&waiting, 1, kTryMilliseconds) <= 0) return;
  if (!sent || ::recv(fd, answer, sizeof answer, MSG_DONTWAIT) < 0) {
    result.outcome = std::strerror(errno);
    return;
  }
  result.answered = true;
  result.reason = reason_of(answer);
  result.outcome = describe(result.reason);
}

}  // namespace

Probe probe(const Endpoint& endpoint) {
  Probe result{endpoint, false, ""};
  char datagram[128];
  wire::QueryWriter writer(datagram, sizeof datagram);
  writer.field('I', "192.0.2.1");
  writer.field('F', "svctool-check@localhost");
  writer.field('T', "svctool-check@localhost");
  writer.field('P', "");
  const std::size_t size = writer.finish();
  const int family = endpoint.ip.is_v4() ? AF_INET : AF_INET6;
  const Fd fd(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd || connect_to(fd.get(), endpoint) != 0) {
    result.outcome = std::strerror(errno);
    return result;
  }
  for (int n = 0; n < kTries && result.outcome.empty(); ++n) {
    ask_once(fd.get(), datagram, size, result);
  }
  if (result.outcome.empty()) {
    result.outcome = "no answer within " + std::to_string(kTries * kTryMilliseconds / 1000) +
                     " seconds; is this host in its --allow?";
  }
  return result;
}

}  // namespace grey::svctool
