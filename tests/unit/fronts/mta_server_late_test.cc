// The policy front with a decider that answers late: real sockets, and nothing happens but what the
// test calls.
#include <doctest/doctest.h>
#include <poll.h>
#include <spdlog/sinks/null_sink.h>

#include <optional>
#include <string>
#include <vector>

#include "greyd/fronts/mta_server.h"
#include "tests/temporary_directory.h"
#include "tests/unit/fronts/late_decider.h"
#include "tests/unit/net/stream_peer.h"

using namespace grey;
using testing::LateDecider;
using testing::Peer;

namespace {

constexpr Seconds kNow = 1'700'000'000;
const std::string kKnown = "verdict=accept reason=known\n";

struct Fixture {
  explicit Fixture(std::size_t max_batches = 3) : batches(max_batches) {
    MtaSettings settings;
    settings.log_decisions = false;
    settings.max_batches = max_batches;
    settings.patience = 3;
    std::vector<Listener> listeners;
    auto listener = Listener::open({path, {}}, MtaServer::kSocketMode);
    REQUIRE(listener);
    listeners.push_back(std::move(*listener));
    server.emplace(std::move(settings), std::move(listeners), decider, pipe, logger, counters);
  }
  Peer connect() {
    Peer peer(path);
    serve();
    return peer;
  }
  void ask(Peer& peer, const std::string& sender) {
    peer.send("check 192.0.2.1 " + sender + " b\n");
    serve();
  }
  void serve() {
    pollfd ready{server->fd(), POLLIN, 0};
    for (int i = 0; ::poll(&ready, 1, 0) == 1; ++i) {
      REQUIRE_MESSAGE(i < 10'000, "spins");
      server->handle(kNow);
    }
  }
  // One batch with one query for each that may be in flight.
  std::vector<Peer> fill() {
    std::vector<Peer> peers;
    for (std::size_t i = 0; i < batches; ++i) {
      peers.push_back(connect());
      ask(peers.back(), std::to_string(i));
    }
    REQUIRE(decider.batches() == batches);
    return peers;
  }

  const std::size_t batches;
  testing::TemporaryDirectory directory;
  const std::string path = directory / "socket";
  LogPipe pipe{-1};
  spdlog::logger logger{"test", std::make_shared<spdlog::sinks::null_sink_mt>()};
  EventLoop loop{[](const std::exception& error) { FAIL(error.what()); }};
  LateDecider decider;
  MtaCounters counters;
  std::optional<MtaServer> server;
};

}  // namespace

TEST_CASE("late decisions come in any order of batches and of queries; each asker has its own") {
  Fixture f;
  Peer a = f.connect(), b = f.connect(), c = f.connect();
  a.send("check 192.0.2.1 1 b\ncheck 192.0.2.1 2 b\n");
  f.serve();
  f.ask(b, "3");
  REQUIRE(f.decider.batches() == 2);
  f.decider.answer(1, 0);
  CHECK(b.received() == kKnown);
  f.decider.answer(0, 1);
  CHECK(a.received() == "");
  f.decider.answer(0, 0);
  CHECK(a.received() == kKnown + kKnown);
  CHECK(c.received() == "");
}

TEST_CASE(
    "each is told the text of the rule that it fell under, though the rules are others by now") {
  Fixture f;
  Peer a = f.connect();
  a.send("check 192.0.2.1 1 b\ncheck 192.0.2.1 2 b\n");
  f.serve();
  const Decided early{testing::decided(wire::Reason::early, 240)};
  f.decider.decision = testing::under_text(early, "in %t");
  f.decider.answer(0, 0);
  f.decider.decision = early;
  f.decider.answer(0, 1);
  CHECK(a.received() ==
        "verdict=defer reason=early wait=60 text=\"in 60 seconds\"\n"
        "verdict=defer reason=early wait=60 text=\"Greylisted: please try again in 60 seconds\"\n");
}

TEST_CASE("while all batches are in flight no more is asked, and then it is") {
  Fixture f;
  std::vector<Peer> peers = f.fill();
  Peer next = f.connect();
  f.ask(next, "9");
  CHECK(f.decider.batches() == 3);
  f.decider.answer(1);
  CHECK(peers[1].received() == kKnown);
  f.serve();
  CHECK(f.decider.batches() == 3);
  CHECK(f.decider.sender(2, 0) == "9");
  f.decider.answer_all();
  CHECK(next.received() == kKnown);
}

TEST_CASE("a loop does not spin while all batches are in flight, and goes on when one is back") {
  Fixture f;
  f.server->attach(f.loop, [] { return kNow; });
  std::vector<Peer> peers = f.fill();
  Peer next(f.path);
  next.send("check 192.0.2.1 9 b\n");
  int ticks = 0, steps = 0;
  const auto tick = f.loop.every(0.001, [&] { ++ticks; });
  for (; ticks < 20; ++steps) f.loop.step();
  CHECK(steps <= 30);
  CHECK(f.decider.batches() == 3);
  f.decider.answer(0);
  while (f.decider.batches() < 3) f.loop.step();
  f.decider.answer_all();
  CHECK(next.received() == kKnown);
}

TEST_CASE("a decider that never answers costs its askers their connection, and others nothing") {
  Fixture f;
  std::vector<Peer> peers = f.fill();
  for (int i = 0; i < 2; ++i) f.server->tick(kNow);
  CHECK(peers[0].received() == "");
  f.server->tick(kNow);
  CHECK(f.decider.forgotten == 3);
  for (Peer& peer : peers) CHECK(peer.received() == "|");
  CHECK(f.server->connections() == 0);
  Peer next = f.connect();
  f.ask(next, "9");
  f.decider.answer_all();
  CHECK(next.received() == kKnown);
}

TEST_CASE("of a batch that is given up those are answered whose requests were decided") {
  Fixture f;
  Peer a = f.connect(), b = f.connect(), c = f.connect();
  a.send("check 192.0.2.1 1 b\n");
  b.send("check 192.0.2.1 2 b\n");
  c.send("check 192.0.2.1 3 b\ncheck 192.0.2.1 4 b\n");
  f.serve();
  REQUIRE(f.decider.batches() == 1);
  REQUIRE(f.decider.queries() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    const std::string sender = f.decider.sender(0, i);
    if (sender == "2" || sender == "3") f.decider.answer(0, i);
  }
  for (int i = 0; i < 3; ++i) f.server->tick(kNow);
  CHECK(a.received() == "|");
  CHECK(b.received() == kKnown);
  CHECK(c.received() == "|");
}

TEST_CASE("when a decider throws, who was decided before is answered, and the front goes on") {
  Fixture f;
  Peer a = f.connect(), b = f.connect(), c = f.connect();
  f.decider.fails = LateDecider::Fails::after_one;
  a.send("check 192.0.2.1 1 b\n");
  b.send("check 192.0.2.1 2 b\n");
  CHECK_THROWS_AS(f.serve(), std::bad_alloc);
  std::string answers = a.received() + b.received();
  CHECK((answers == kKnown + "|" || answers == "|" + kKnown));
  f.decider.fails = LateDecider::Fails::no;
  f.ask(c, "3");
  f.decider.answer_all();
  CHECK(c.received() == kKnown);
}

TEST_CASE("who is not there any more when its decision comes is no harm, nor is one that answers") {
  Fixture f;
  Peer stays = f.connect();
  {
    Peer gone = f.connect();
    gone.send("check 192.0.2.1 1 b\n");
    stays.send("check 192.0.2.1 2 b\n");
    f.serve();
  }
  f.serve();
  f.decider.answer_all();
  CHECK(stays.received() == kKnown);
  CHECK(f.server->connections() == 1);
}

TEST_CASE("drained at the end, all that was asked is answered; a server that goes is no harm") {
  Fixture f;
  std::vector<Peer> peers = f.fill();
  f.decider.drain();
  for (Peer& peer : peers) CHECK(peer.received() == kKnown);
  peers = f.fill();
  f.server.reset();
  CHECK(f.decider.forgotten == 3);
  for (Peer& peer : peers) CHECK(peer.received() == "|");
}
