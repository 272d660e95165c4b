#include "svctool/daemon/probe.h"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "greyd/base/error.h"
#include "greyd/base/files.h"
#include "greyd/base/settings_table.h"
#include "greyd/wire/key_field.h"
#include "greyd/wire/wire.h"
#include "svctool/daemon/address.h"

namespace grey::svctool {
namespace {

constexpr int kTries = 3;
constexpr int kTryMilliseconds = 1000;

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

// Whether there is an outcome; without one nothing came in time.
bool ask_once(int fd, const char* datagram, std::size_t size, Probe& result) {
  unsigned char answer[2] = {0xff, 0xff};
  pollfd waiting{fd, POLLIN, 0};
  const bool sent = ::send(fd, datagram, size, 0) >= 0;
  if (sent && ::poll(&waiting, 1, kTryMilliseconds) <= 0) return false;
  if (!sent || ::recv(fd, answer, sizeof answer, MSG_DONTWAIT) < 0) {
    result.outcome = std::strerror(errno);
    return true;
  }
  result.answered = true;
  result.reason = reason_of(answer);
  result.outcome = describe(result.reason);
  return true;
}

// Puts the field K in the place of the NUL that ends a query. The new size; there is room.
std::size_t sign(const wire::Key& key, char* datagram, std::size_t size) {
  wire::Nonce nonce;
  if (::getentropy(nonce.data(), nonce.size()) != 0) return size;
  datagram[size - 1] = 'K';
  (void)wire::write_key_field(key, std::uint32_t(::time(nullptr)), nonce, datagram, size);
  size += wire::key_field_size(key.id());
  datagram[size++] = '\0';
  datagram[size++] = '\0';
  return size;
}

}  // namespace

Probe probe(const Endpoint& endpoint, const wire::KeyRing* keys) {
  Probe result{endpoint, false, ""};
  char datagram[128 + 1 + wire::kMaxKeyField + 2];
  wire::QueryWriter writer(datagram, sizeof datagram);
  writer.field('I', "192.0.2.1");
  writer.field('F', "svctool-check@localhost");
  writer.field('T', "svctool-check@localhost");
  writer.field('P', "");
  std::size_t size = writer.finish();
  if (keys != nullptr && !keys->empty()) size = sign(keys->first(), datagram, size);
  const int family = endpoint.ip.is_v4() ? AF_INET : AF_INET6;
  // Connected, so that a closed port is told at once.
  const Fd fd(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd || connect_to(fd.get(), address_of(endpoint)) != 0) {
    result.outcome = std::strerror(errno);
    return result;
  }
  bool decided = false;
  for (int n = 0; n < kTries && !decided; ++n) {
    decided = ask_once(fd.get(), datagram, size, result);
  }
  if (!decided) {
    result.outcome =
        "no answer within " + std::to_string(kTries * kTryMilliseconds / 1000) +
        " seconds; is this host in its --allow" +
        (keys != nullptr && !keys->empty() ? ", has it that key, and are both clocks right?" : "?");
  }
  return result;
}

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kConnected =
    "request=smtpd_access_policy\nprotocol_state=CONNECT\nclient_address=192.0.2.1\n\n";
constexpr std::size_t kMostAnswer = 4096;

// Whether it is ready before `end`.
bool wait_for(int fd, short events, Clock::time_point end) {
  pollfd waiting{fd, events, 0};
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    const int ready = ::poll(&waiting, 1, int(std::max<std::int64_t>(0, left.count())));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

// An error, why, unless it has been answered as a policy server does.
tl::expected<void, std::string> converse(int fd, const Address& address) {
  const auto end = Clock::now() + std::chrono::milliseconds(kTries * kTryMilliseconds);
  const auto no = [](std::string why) { return tl::make_unexpected(std::move(why)); };
  const std::string late =
      "no answer within " + std::to_string(kTries * kTryMilliseconds / 1000) + " seconds";
  if (connect_to(fd, address) != 0) {
    if (errno != EINPROGRESS) return no(std::strerror(errno));
    int error = 0;
    socklen_t size = sizeof error;
    if (!wait_for(fd, POLLOUT, end)) return no(late);
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) return no(std::strerror(error));
  }
  if (::send(fd, kConnected.data(), kConnected.size(), MSG_NOSIGNAL) < 0) {
    return no(std::strerror(errno));
  }
  std::string answer;
  while (answer.find("\n\n") == answer.npos && answer.size() < kMostAnswer) {
    char chunk[512];
    if (!wait_for(fd, POLLIN, end)) return no(late);
    const ssize_t got = ::recv(fd, chunk, sizeof chunk, 0);
    if (got < 0) return no(std::strerror(errno));
    if (got == 0) return no("closed without an answer; is this host in ALLOW?");
    answer.append(chunk, std::size_t(got));
  }
  if (!answer.starts_with("action=")) return no("what answers there is no policy server");
  return {};
}

}  // namespace

MtaProbe probe_mta(const std::string& place) {
  const bool is_path = place.starts_with('/');
  std::optional<Address> address;
  if (is_path) {
    address = address_of_path(place);
  } else if (auto endpoint = parse_endpoint(place, Wildcards::allowed, kDefaultMtaPort)) {
    if (endpoint->ip.is_any()) endpoint->ip = Endpoint{}.ip;
    address = address_of(*endpoint);
  }
  MtaProbe result;
  if (!address) {
    result.outcome = is_path ? std::strerror(ENAMETOOLONG) : "not an address and port";
    return result;
  }
  const Fd fd(::socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) {
    result.outcome = std::strerror(errno);
    return result;
  }
  const auto conversed = converse(fd.get(), *address);
  result.answered = conversed.has_value();
  if (!conversed) result.outcome = conversed.error();
  ucred peer{};
  socklen_t size = sizeof peer;
  if (is_path && ::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) {
    result.peer = std::max(0, peer.pid);
  }
  return result;
}

}  // namespace grey::svctool
