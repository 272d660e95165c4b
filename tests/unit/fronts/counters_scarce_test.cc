// Counters of what goes wrong only where the system, or who may ask, lets nothing through: made to
// happen by limits of this process and by a socket that takes no more.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spdlog/sinks/null_sink.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "greyd/fronts/counters_text.h"
#include "greyd/fronts/mta_server.h"
#include "greyd/fronts/udp_front.h"
#include "greyd/service/service.h"
#include "tests/temporary_directory.h"
#include "tests/unit/fronts/late_decider.h"
#include "tests/unit/fronts/udp_asker.h"
#include "tests/unit/net/stream_peer.h"

using namespace grey;
using namespace std::string_literals;
using testing::Asker;
using testing::LateDecider;
using testing::Peer;

namespace {

constexpr Seconds kNow = 1'700'000'000;

// While it lives the process may open so many descriptors more.
class DescriptorsLeft {
 public:
  explicit DescriptorsLeft(rlim_t left) {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const Fd lowest(::dup(STDIN_FILENO));
    REQUIRE(lowest);
    rlimit few = before_;
    few.rlim_cur = rlim_t(lowest.get()) + left;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  }
  ~DescriptorsLeft() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  DescriptorsLeft(const DescriptorsLeft&) = delete;
  DescriptorsLeft& operator=(const DescriptorsLeft&) = delete;

 private:
  rlimit before_{};
};

// A policy server at one place.
struct Fixture {
  explicit Fixture(const ListenAddress& place, std::size_t max_connections = 10) {
    auto listener = Listener::open(place, MtaServer::kSocketMode);
    REQUIRE(listener);
    listen_fd = listener->fd();
    std::vector<Listener> listeners;
    listeners.push_back(std::move(*listener));
    MtaSettings settings;
    settings.log_decisions = false;
    settings.stream.max_connections = max_connections;
    (void)settings.allow.add("192.0.2.0/24");
    settings.allow.build();
    server.emplace(std::move(settings), std::move(listeners), decider, pipe, logger,
                   counters.policy);
  }
  // What has been counted since the last call.
  std::string counted() {
    std::string text = to_text(counters);
    counters = {};
    return text;
  }
  void serve() {
    pollfd ready{server->fd(), POLLIN, 0};
    for (int i = 0; ::poll(&ready, 1, 0) == 1 && i < 1000; ++i) server->handle(kNow);
  }

  Counters counters;
  LogPipe pipe{-1};
  spdlog::logger logger{"test", std::make_shared<spdlog::sinks::null_sink_mt>()};
  LateDecider decider;
  int listen_fd = -1;
  std::optional<MtaServer> server;
};

}  // namespace

TEST_CASE("an answer that the system does not take is counted, and the next one goes out") {
  Counters counters;
  LogPipe pipe{-1};
  spdlog::logger logger{"test", std::make_shared<spdlog::sinks::null_sink_mt>()};
  LateDecider decider;
  decider.at_once = true;
  std::uint16_t port = 0;
  Fd socket = testing::bind_any_port(port), own(::dup(socket.get()));
  UdpSettings settings;
  (void)settings.allow.add("127.0.0.1");
  settings.allow.build();
  settings.log_decisions = false;
  UdpFront front(std::move(settings), std::move(socket), decider, pipe, logger, counters.udp);
  const Asker asker("127.0.0.1", port);
  const std::string query = "I192.0.2.1\0Fa@x.org\0Tb@y.net\0\0"s;
  REQUIRE(asker.ask(query));
  front.handle(kNow);
  CHECK(asker.answers() == 1);
  CHECK(to_text(counters) == "counters udp.decided.known=1");
  // From here on the socket sends nothing (EPIPE); that it is not connected makes no difference.
  (void)::shutdown(own.get(), SHUT_WR);
  REQUIRE(asker.ask(query));
  REQUIRE(asker.ask(query));
  front.handle(kNow);
  CHECK(asker.answers() == 0);
  CHECK(to_text(counters) == "counters udp.decided.known=3 udp.unsent=2");
}

TEST_CASE("a mail server that may not ask is refused, and counted") {
  Fixture f({"", {*Ip::parse("127.0.0.1"), 0}});
  sockaddr_in place{};
  socklen_t size = sizeof place;
  REQUIRE(::getsockname(f.listen_fd, reinterpret_cast<sockaddr*>(&place), &size) == 0);
  const Fd peer(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(peer.get(), reinterpret_cast<sockaddr*>(&place), sizeof place) == 0);
  f.serve();
  CHECK(f.counted() == "counters policy.connections.refused=1");
  char end;
  CHECK(::recv(peer.get(), &end, 1, 0) == 0);
}

TEST_CASE("without a descriptor nobody is accepted, all wait for a second, and then they come") {
  const testing::TemporaryDirectory directory;
  const std::string path = directory / "socket";
  Fixture f({path, {}});
  Peer peer(path);
  {
    const DescriptorsLeft none(0);
    f.serve();
    CHECK(f.counted() == "counters policy.connections.paused=1");
  }
  f.server->tick(kNow);
  f.serve();
  CHECK(f.counted() == "counters policy.connections.accepted=1");
}

TEST_CASE("a connection that finds a descriptor, and none to be watched by, is counted") {
  const testing::TemporaryDirectory directory;
  const std::string path = directory / "socket";
  Fixture f({path, {}});
  Peer peer(path);
  {
    const DescriptorsLeft one(1);
    f.serve();
  }
  CHECK(f.counted() == "counters policy.connections.unaccepted=1 policy.connections.paused=1");
  CHECK(peer.received() == "|");
}

TEST_CASE("while all connections are being decided the next one has to wait") {
  const testing::TemporaryDirectory directory;
  const std::string path = directory / "socket";
  Fixture f({path, {}}, 1);
  Peer first(path);
  first.ask("a");
  f.serve();
  Peer second(path);
  second.ask("b");
  f.serve();
  CHECK(f.decider.queries() >= 1);
  CHECK(f.counters.policy.connections.paused >= 1);
  CHECK(f.counters.policy.connections.crowded_out == 0);
}

TEST_CASE("changes in a damaged journal that cannot be read are counted at the start") {
  testing::TemporaryDirectory directory;
  Counters counters;
  InlineBackground background;
  const std::string context = directory / "context";
  {
    Service service(
        {{}, 1000, context, {}, Sync::never}, HashKey{}, background,
        [](StateFiles::Level, const std::string&) {}, counters);
    REQUIRE(service.load(kNow, 100));
    for (int i = 0; i < 5; ++i) {
      const std::string datagram = "I192.0.2.1\0F\0T"s + std::to_string(i) + "@y.net" + '\0' + '\0';
      wire::Query query;
      REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
      service.decide({&query, 1}, kNow, [](std::size_t, const Decided&) {});
    }
  }  // as it would die: what it has learnt is in the journal alone
  const std::string path = context + ".journal";
  const auto text = read_file(path);
  REQUIRE(text.has_value());
  REQUIRE(text->has_value());
  std::string damaged = **text;
  const std::size_t line = damaged.find(" 2@y.net");
  REQUIRE(line != std::string::npos);
  damaged[damaged.rfind('\n', line) + 1] = '@';
  const Fd file(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  REQUIRE(::write(file.get(), damaged.data(), damaged.size()) == ssize_t(damaged.size()));
  CHECK(counters.state.lost_changes == 0);
  Service service(
      {{}, 1000, context, {}, Sync::never}, HashKey{}, background,
      [](StateFiles::Level, const std::string&) {}, counters);
  REQUIRE(service.load(kNow, 100));
  CHECK(counters.state.lost_changes == 1);
  CHECK(service.greylist().table().size() == 4);
}
