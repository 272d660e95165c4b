// qmail-greyd-lookup: asks the DNS for a daemon, which never waits for it. Started by the daemon's
// spawner (lookup_spawner.h) and nobody else: a socket to the daemon is descriptor 3, and nothing
// else is open. It is of the daemon's user, has given up all but its memory and sockets for DNS,
// and ends when the daemon does.
// usage: qmail-greyd-lookup RESOLVER on|off       (RESOLVER: ADDRESS@PORT, or empty; the sandbox)

#include <malloc.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "greyd/lookup_helper/domains.h"
#include "greyd/lookup_helper/resolver.h"
#include "greyd/sandbox/build.h"
#include "greyd/sandbox/sandbox.h"
#include "greyd/spf/messages.h"

namespace grey {
namespace {

constexpr int kDaemon = 3;             // the socket
constexpr rlim_t kMemory = 256 << 20;  // octets of address space
constexpr rlim_t kDescriptors = 512;
constexpr std::int64_t kLook = 5'000;       // milliseconds between looks at resolv.conf
constexpr std::int64_t kPatience = 20'000;  // and how long a new one waits for what is open
constexpr int kTick = 100;                  // milliseconds
constexpr int kMostAtOnce = 64;             // messages read before the DNS is looked at again
constexpr std::uint16_t kDnsPort = 53;

std::int64_t milliseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

void tell(const spf::HelperMessage& message) {
  const std::string text = spf::to_text(message);
  ::send(kDaemon, text.data(), text.size(), MSG_NOSIGNAL);
}

void tell_trouble(std::string_view text) {
  std::string printable(text.substr(0, spf::kMaxTrouble));
  std::ranges::replace_if(
      printable, [](char c) { return c < ' ' || c > '~'; }, '?');
  tell(spf::HelperTrouble{printable});
}

void limit(decltype(RLIMIT_AS) what, rlim_t most) {
  const rlimit limit{most, most};
  // A unit of systemd may forbid it, and bounds us then.
  (void)!::setrlimit(what, &limit);
}

void limit_resources() {
  mallopt(M_ARENA_MAX, 1);  // each arena of a thread's reserves 64 MiB
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_NOFILE, kDescriptors);
  if (!sandbox::kSanitized) limit(RLIMIT_AS, kMemory);
}

std::uint16_t port_of(const std::string& server) {
  const std::size_t at = server.find('@');
  return at == std::string::npos ? kDnsPort : std::uint16_t(std::stoul(server.substr(at + 1)));
}

Result<void> confine(const std::string& server) {
  sandbox::Needs needs;
  needs.asks_dns = true;
  needs.ports.push_back(port_of(server));
  const auto sandbox = sandbox::enter(needs);
  if (!sandbox) return tl::make_unexpected(sandbox.error());
  return {};
}

// False: the daemon has gone.
bool read_questions(Domains& domains) {
  char text[spf::kMaxMessage];
  for (int i = 0; i < kMostAtOnce; ++i) {
    const ssize_t size = ::recv(kDaemon, text, sizeof text, MSG_DONTWAIT);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    if (size == 0) return false;
    if (const auto question = spf::read_question({text, std::size_t(size)})) {
      domains.begin(*question, milliseconds());
    }
  }
  return true;
}

// Until the daemon has gone, or resolv.conf is another: then it is started anew.
void serve(Resolver& resolver) {
  Domains domains({[&](const spf::Question& question, Domains::Done done) {
                     return resolver.ask(question, std::move(done));
                   },
                   [&] { return resolver.open(); }},
                  [](const spf::DomainAnswer& answer) { tell(answer); });
  std::int64_t next_look = milliseconds() + kLook, outdated_since = 0;
  for (;;) {
    pollfd fds[] = {{kDaemon, POLLIN, 0}, {resolver.fd(), POLLIN, 0}};
    ::poll(fds, 2, domains.size() > 0 ? kTick : int(kLook));
    if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !read_questions(domains)) return;
    if (fds[1].revents != 0) resolver.work();
    const std::int64_t now = milliseconds();
    domains.give_up_overdue(now);
    if (now < next_look) continue;
    next_look = now + kLook;
    if (!resolver.is_outdated()) continue;
    if (outdated_since == 0) outdated_since = now;
    if (domains.size() == 0 || now - outdated_since >= kPatience) return;
  }
}

int run(const std::string& server, bool sandboxed) {
  int type = 0;
  socklen_t size = sizeof type;
  if (::getsockopt(kDaemon, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET) {
    std::fputs("qmail-greyd-lookup: asks the DNS for qmail-greyd, which starts it\n", stderr);
    return kExitMisuse;
  }
  limit_resources();
  auto resolver = Resolver::open(server);
  if (!resolver) {
    tell_trouble(resolver.error().text);
    return kExitSystemFailure;
  }
  // Before the first thread, and before anything from outside is read.
  if (const auto confined = sandboxed ? confine(server) : Result<void>(); !confined) {
    tell_trouble(confined.error().text);
    return kExitSystemFailure;
  }
  tell(spf::HelperUp{});
  serve(*resolver);
  // What the library's thread is doing is of no use to anybody.
  ::_exit(0);
}

}  // namespace
}  // namespace grey

int main(int argc, char** argv) {
  try {
    return grey::run(argc > 1 ? argv[1] : "", argc <= 2 || std::string_view(argv[2]) != "off");
  } catch (const std::exception&) {
    return grey::kExitSystemFailure;  // no memory: the next one begins with none in use
  }
}
