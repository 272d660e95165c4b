#include "svctool/daemon/probe.h"

#include <poll.h>
#include <sodium.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>

#include "greyd/base/error.h"
#include "greyd/base/files.h"
#include "greyd/base/key_file.h"
#include "greyd/base/settings_table.h"
#include "greyd/wire/key_field.h"
#include "greyd/wire/wire.h"
#include "svctool/daemon/address.h"

namespace grey::svctool {
namespace {

constexpr int kTries = 3;
constexpr int kTryMilliseconds = 1000;

// Nothing for another daemon's own way.
std::optional<wire::Reason> reason_of(std::array<unsigned char, 2> answer) {
  for (int index = 0; index <= int(wire::Reason::bounce); ++index) {
    const auto reason = wire::Reason(index);
    const wire::Answer known = wire::to_answer(reason);
    if (std::memcmp(known.bytes, answer.data(), answer.size()) == 0) return reason;
  }
  return std::nullopt;
}

std::string describe(std::optional<wire::Reason> reason) {
  if (!reason) return "answers";
  // To a probe qmail-greyd never says so otherwise.
  const char* more = *reason == wire::Reason::known ? ": in a dry run, or no qmail-greyd" : "";
  return "answers (" + std::string(wire::to_string(*reason)) + more + ")";
}

// What is asked, and what its answer has to be under.
struct Question {
  std::string datagram;
  const wire::Key* key = nullptr;  // nullptr: under none
  wire::Mac mac{};
};

Question question_under(const wire::Key* key) {
  Question question{std::string(256, '\0'), key, {}};
  char* const text = question.datagram.data();
  wire::QueryWriter writer(text, question.datagram.size());
  writer.field('I', "192.0.2.1");
  writer.field('F', "svctool-check@localhost");
  writer.field('T', "svctool-check@localhost");
  writer.field('P', "");
  std::size_t size = writer.finish();
  if (key != nullptr) {
    text[size - 1] = 'K';
    wire::Nonce nonce;
    ::randombytes_buf(nonce.data(), nonce.size());
    question.mac = wire::write_key_field(*key, std::uint32_t(::time(nullptr)), nonce, text, size);
    size += wire::key_field_size(key->id()) + 2;
  }
  question.datagram.resize(size);
  return question;
}

// Whether it is an answer to it.
bool is_under_key(const Question& question, std::string_view answer) {
  if (question.key == nullptr) return true;
  if (answer.size() < 2 + wire::kMacSize) return false;
  const std::string_view octets = answer.substr(0, answer.size() - wire::kMacSize);
  wire::Mac mac;
  std::memcpy(mac.data(), answer.data() + octets.size(), mac.size());
  const wire::SignedAnswer covered(question.mac, octets);
  return wire::is_same(mac, wire::mac_of(question.key->secret, covered.view()));
}

// Whether there is an outcome; without one nothing came in time.
bool ask_once(int fd, const Question& question, Probe& result) {
  unsigned char answer[2 + wire::kMaxTag + wire::kMacSize] = {0xff, 0xff};
  pollfd waiting{fd, POLLIN, 0};
  const bool sent = ::send(fd, question.datagram.data(), question.datagram.size(), 0) >= 0;
  if (sent && ::poll(&waiting, 1, kTryMilliseconds) <= 0) return false;
  const ssize_t size = sent ? ::recv(fd, answer, sizeof answer, MSG_DONTWAIT) : -1;
  if (size < 0) {
    result.outcome = std::strerror(errno);
    return true;
  }
  if (!is_under_key(question, {reinterpret_cast<const char*>(answer), std::size_t(size)})) {
    result.outcome = "answers, but not under the key";
    return true;
  }
  result.answered = true;
  result.reason = reason_of({answer[0], answer[1]});
  result.outcome = describe(result.reason);
  return true;
}

}  // namespace

Probe probe(const Endpoint& endpoint, const std::string& key_file) {
  Probe result{endpoint, false, ""};
  wire::KeyRing keys;
  if (!key_file.empty()) {
    const auto read = read_keys(key_file);
    if (!read) {
      result.outcome = read.error().text;
      return result;
    }
    keys = *read;
  }
  const int family = endpoint.ip.is_v4() ? AF_INET : AF_INET6;
  // Connected, so that a closed port is told at once.
  const Fd fd(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd || connect_to(fd.get(), address_of(endpoint)) != 0) {
    result.outcome = std::strerror(errno);
    return result;
  }
  bool decided = false;
  for (std::size_t n = 0; n < kTries && !decided; ++n) {
    const wire::Key* const key = keys.empty() ? nullptr : &keys.keys[n % keys.count];
    decided = ask_once(fd.get(), question_under(key), result);
  }
  if (!decided) {
    result.outcome = "no answer within " + std::to_string(kTries * kTryMilliseconds / 1000) +
                     " seconds; is this host in its --allow?";
    if (!keys.empty()) result.outcome += " Has it the key, and the same time?";
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
