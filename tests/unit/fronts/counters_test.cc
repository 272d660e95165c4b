// Whatever is lost is counted, each kind by itself: it is made to happen, and the others stay as
// they are.
#include "greyd/base/counters.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <spdlog/sinks/null_sink.h>
#include <sys/resource.h>
#include <unistd.h>

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

// All that a daemon counts in, with both fronts.
struct Fixture {
  Fixture() {
    pipe.count_in(counters.log_lines);
    Fd socket = testing::bind_any_port(port);
    UdpSettings udp_settings;
    (void)udp_settings.allow.add("127.0.0.1");
    udp_settings.allow.build();
    udp_settings.log_decisions = false;
    udp_settings.patience = 2;
    udp.emplace(std::move(udp_settings), std::move(socket), decider, pipe, logger, counters.udp);
    MtaSettings settings;
    settings.log_decisions = false;
    settings.patience = 2;
    settings.stream.max_connections = 3;
    settings.stream.max_held = 20'000;
    settings.stream.unfinished_ticks = 3;
    settings.stream.idle_ticks = 5;
    std::vector<Listener> listeners;
    auto local = Listener::open({path, {}}, MtaServer::kSocketMode);
    REQUIRE(local);
    listeners.push_back(std::move(*local));
    policy.emplace(std::move(settings), std::move(listeners), decider, pipe, logger,
                   counters.policy);
  }
  // What has been counted since the last call.
  std::string counted() {
    std::string text = to_text(counters);
    counters = {};
    return text;
  }
  void serve() {
    pollfd ready{policy->fd(), POLLIN, 0};
    for (int i = 0; ::poll(&ready, 1, 0) == 1 && i < 1000; ++i) policy->handle(kNow);
  }
  Peer connect() {
    Peer peer(path);
    serve();
    return peer;
  }
  void say(Peer& peer, const std::string& text) {
    peer.send(text);
    serve();
  }
  void tick(int times) {
    for (int i = 0; i < times; ++i) policy->tick(kNow);
  }

  Counters counters;
  testing::TemporaryDirectory directory;
  const std::string path = directory / "socket";
  LogPipe pipe{-1};
  spdlog::logger logger{"test", std::make_shared<spdlog::sinks::null_sink_mt>()};
  LateDecider decider;
  std::uint16_t port = 0;
  std::optional<UdpFront> udp;
  std::optional<MtaServer> policy;
};

const std::string kQuery = "I192.0.2.1\0Fa@x.org\0Tb@y.net\0\0"s;
const std::string kRequest = "check 192.0.2.1 a b\n";

}  // namespace

TEST_CASE("the text has what is not 0, each by its part and name") {
  Counters counters;
  CHECK(to_text(counters) == "counters");
  counters.udp.decided[std::size_t(wire::Reason::new_triplet)] = 3;
  counters.udp.faults[std::size_t(wire::Fault::bad_client)] = 1;
  counters.policy.faults[MtaCounters::kNoClient] = 2;
  counters.policy.connections.crowded_out = 4;
  counters.log_lines = 5;
  CHECK(to_text(counters) ==
        "counters udp.decided.new=3 udp.faults.bad-client=1 policy.faults.no-client=2 "
        "policy.connections.crowded-out=4 log.lines=5");
}

TEST_CASE("datagrams: what was decided, and what was none or of a stranger") {
  Fixture f;
  f.decider.at_once = true;
  const Asker asker("127.0.0.1", f.port), stranger("127.0.0.2", f.port);
  for (const std::string& bad : {""s, "x"s, "Ix\0Fa\0Tb\0"s, "I::1\0"s, "I::1\0Fa\0"s}) {
    REQUIRE(asker.ask(bad));
  }
  REQUIRE(asker.ask(kQuery));
  REQUIRE(asker.ask(kQuery));
  REQUIRE(stranger.ask(kQuery));
  f.udp->handle(kNow);
  CHECK(f.counted() ==
        "counters udp.decided.known=2 udp.faults.empty=1 udp.faults.no-client=1 "
        "udp.faults.bad-client=1 udp.faults.no-sender=1 udp.faults.no-recipient=1 udp.foreign=1");
}

TEST_CASE("datagrams: not decided for want of memory, not in time, not sent, dropped") {
  Fixture f;
  const Asker asker("127.0.0.1", f.port);
  f.decider.fails = LateDecider::Fails::at_once;
  REQUIRE(asker.ask(kQuery));
  CHECK_THROWS_AS(f.udp->handle(kNow), std::bad_alloc);
  CHECK(f.counted() == "counters udp.undecided=1");

  f.decider.fails = LateDecider::Fails::no;
  REQUIRE(asker.ask(kQuery));
  f.udp->handle(kNow);
  f.udp->tick(kNow);
  f.udp->tick(kNow);
  CHECK(f.counted() == "counters udp.overdue=1");

  f.udp->tick(kNow);
  std::string dear = "I192.0.2.1\0F\0"s;
  for (int i = 0; i < 20; ++i) dear += "T" + std::to_string(i) + '\0';
  for (int i = 0; i < 70; ++i) REQUIRE(asker.ask(dear));
  f.udp->handle(kNow);
  f.udp->handle(kNow);
  CHECK(f.counted() == "counters udp.backlog=6");

  for (int i = 0; i < 2000; ++i) asker.ask(std::string(60'000, 'x'));
  f.udp->tick(kNow);
  CHECK(f.counters.udp.overflow > 500);
}

TEST_CASE("requests: decided, without an opinion, faulty, and of connections that are gone") {
  Fixture f;
  Peer peer = f.connect();
  f.say(peer, kRequest);
  f.decider.answer_all();
  f.say(peer, "check 192.0.2 a b\n");
  f.say(peer, "request=smtpd_access_policy\nsasl_username=u\nclient_address=::1\nrecipient=b\n\n");
  CHECK(f.counted() ==
        "counters policy.decided.known=1 policy.no-opinion=1 policy.faults.bad-client=1 "
        "policy.connections.accepted=1");
  f.say(peer, kRequest);
  peer.close();
  f.serve();
  CHECK(f.counted() == "counters policy.connections.broken=1");
  f.decider.answer_all();
  CHECK(f.counted() == "counters policy.decided.known=1 policy.unanswered=1");
}

TEST_CASE("requests: not decided for want of memory, and not in time") {
  Fixture f;
  Peer peer = f.connect(), other = f.connect();
  f.counted();
  f.decider.fails = LateDecider::Fails::at_once;
  peer.send(kRequest);
  CHECK_THROWS_AS(f.serve(), std::bad_alloc);
  CHECK(f.counted() == "counters policy.undecided=1");
  f.decider.fails = LateDecider::Fails::no;
  f.say(other, kRequest);
  f.tick(2);
  CHECK(f.counted() == "counters policy.overdue=1");
}

TEST_CASE("connections: by why they were closed") {
  Fixture f;
  Peer a = f.connect(), b = f.connect(), c = f.connect(), d = f.connect();
  CHECK(f.counted() == "counters policy.connections.accepted=4 policy.connections.crowded-out=1");
  b.send("half");
  f.serve();
  f.tick(3);
  CHECK(f.counted() == "counters policy.connections.unfinished=1");
  f.tick(2);
  CHECK(f.counted() == "counters policy.connections.idle=2");
  Peer large = f.connect();
  f.counted();
  for (int i = 0; i < 10; ++i) {
    large.send_some("check " + std::string(3000, 'x'));
    f.serve();
  }
  CHECK(f.counters.policy.connections.out_of_memory +
            f.counters.policy.faults[std::size_t(MtaFault::too_long)] >
        0);
}

TEST_CASE("log lines that nobody reads are counted where the others are") {
  Counters counters;
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  LogPipe pipe(ends[1]);
  pipe.count_in(counters.log_lines);
  for (int i = 0; i < 3000; ++i) {
    pipe.add_line(Priority::info, [](std::string& out) { out += std::string(99, 'x') + '\n'; });
    pipe.flush();
  }
  CHECK(counters.log_lines == pipe.dropped_lines());
  CHECK(counters.log_lines > 2000);
  const Count before = counters.log_lines;
  pipe.add_line(Priority::info, [](std::string& out) {
    out += "half a line";
    throw std::bad_alloc();
  });
  CHECK(counters.log_lines == before + 1);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("records that make room are counted, and what becomes of the state's files") {
  testing::TemporaryDirectory directory;
  Counters counters;
  InlineBackground background;
  const std::string context = directory / "context";
  const auto make = [&] {
    auto service = std::make_unique<Service>(
        ServiceSettings{{}, 2, context, {}, Sync::never}, HashKey{}, background,
        [](StateFiles::Level, const std::string&) {}, counters);
    REQUIRE(service->load(kNow, 100));
    return service;
  };
  const auto ask = [](Service& service, int number) {
    const std::string datagram =
        "I192.0.2.1\0F\0T"s + std::to_string(number) + "@y.net" + '\0' + '\0';
    wire::Query query;
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    service.decide({&query, 1}, kNow, [](std::size_t, const Decided&) {});
  };
  auto service = make();
  for (int i = 0; i < 5; ++i) ask(*service, i);
  CHECK(counters.evicted == 3);
  REQUIRE(service->files().save_all());
  CHECK(counters.state.saved == 1);
  // Its directory goes: no snapshot, no journal, and changes that none has.
  const testing::TemporaryDirectory other;
  counters = {};
  service.reset();
  service = make();
  ask(*service, 6);
  CHECK(counters.state.unjournaled == 0);
  REQUIRE(::rename(directory.path().c_str(), (other / "gone").c_str()) == 0);
  service->files().tick(1000);
  CHECK(counters.state.journal_failures > 0);
  ask(*service, 7);
  ask(*service, 8);
  CHECK(counters.state.unjournaled == 2);
  CHECK(!service->files().save_all());
  CHECK(counters.state.save_failures == 1);
  REQUIRE(::rename((other / "gone").c_str(), directory.path().c_str()) == 0);
}

TEST_CASE("what is damaged at the start is counted, as far as it is known") {
  testing::TemporaryDirectory directory;
  Counters counters;
  InlineBackground background;
  const std::string context = directory / "context";
  const auto start = [&] {
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
    REQUIRE(service.files().save_all());
  };
  start();
  const auto text = read_file(context);
  REQUIRE(text.has_value());
  REQUIRE(text->has_value());
  std::string damaged = **text;
  const std::size_t line = damaged.find("3@y.net");
  REQUIRE(line != std::string::npos);
  const std::size_t begin = damaged.rfind('\n', line) + 1;
  damaged.replace(begin, 4, "@@@@");
  const Fd file(::open(context.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  REQUIRE(::write(file.get(), damaged.data(), damaged.size()) == ssize_t(damaged.size()));
  start();
  CHECK(counters.state.lost_records == 1);
}
