// The policy connections without a daemon: real sockets, and decisions that come when the test
// says.
#include "greyd/fronts/mta_server.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <spdlog/sinks/null_sink.h>

#include <new>
#include <string>

#include "tests/temporary_directory.h"
#include "tests/unit/core/decided.h"
#include "tests/unit/net/stream_peer.h"

using namespace grey;
using testing::Peer;
using wire::Reason;

namespace {

// The server's end. Decisions wait until decide_all(); a sender's decision is `passed` with the
// number of the query as its age.
class Fixture : public Decider {
 public:
  explicit Fixture(MtaSettings settings = {}) : settings_(std::move(settings)) {
    settings_.log_decisions = false;
    std::vector<Listener> listeners;
    auto listener = Listener::open({path_, {}}, MtaServer::kSocketMode);
    REQUIRE(listener);
    listeners.push_back(std::move(*listener));
    server_.emplace(settings_, std::move(listeners), *this, pipe_, logger_, counters_);
  }

  Peer connect() {
    Peer peer(path_);
    serve();
    return peer;
  }
  // Handles all that is ready.
  void serve() {
    pollfd ready{server_->fd(), POLLIN, 0};
    for (int i = 0; ::poll(&ready, 1, 0) == 1; ++i) {
      REQUIRE_MESSAGE(i < 10'000, "spins");
      server_->handle(1'700'000'000);
    }
  }
  void tick(unsigned times) {
    for (unsigned i = 0; i < times; ++i) {
      server_->tick(1'700'000'000);
      serve();
    }
  }
  // The decisions that wait, the last query first.
  void decide_all() {
    auto batches = std::exchange(waiting_, {});
    for (Waiting& batch : batches) {
      for (std::size_t i = batch.queries.size(); i-- > 0;) {
        CHECK(batch.queries[i].sender == batch.senders[i]);  // still there
        batch.done(i, {testing::decided(reason)});
      }
    }
    serve();
  }
  std::size_t asked() const {
    std::size_t count = 0;
    for (const Waiting& batch : waiting_) count += batch.queries.size();
    return count;
  }
  std::uint64_t last_message() const { return waiting_.back().queries.back().message; }
  MtaServer& server() { return *server_; }

  bool fail = false;     // decide throws
  std::size_t told = 0;  // of what was sent
  bool at_once = false;  // decide answers before it returns
  Reason reason = Reason::known;

 private:
  struct Waiting {
    std::vector<std::string> senders;
    std::span<const wire::Query> queries;
    Done done;
  };

  void decide(std::span<const wire::Query> batch, Seconds, Done done) override {
    if (fail) throw std::bad_alloc();
    std::vector<std::string> senders;
    for (const wire::Query& query : batch) senders.emplace_back(query.sender);
    waiting_.push_back({std::move(senders), batch, std::move(done)});
    if (at_once) decide_all();
  }
  void sent(std::span<const wire::Sent> all, Seconds) override { told += all.size(); }
  void forget(std::span<const wire::Query> batch) noexcept override {
    std::erase_if(waiting_, [&](const Waiting& one) { return one.queries.data() == batch.data(); });
  }
  void drain() override { decide_all(); }

  testing::TemporaryDirectory directory_;
  const std::string path_ = directory_ / "socket";
  MtaSettings settings_;
  LogPipe pipe_{-1};
  spdlog::logger logger_{"test", std::make_shared<spdlog::sinks::null_sink_mt>()};
  std::vector<Waiting> waiting_;
  MtaCounters counters_;
  std::optional<MtaServer> server_;
};

const std::string kKnown = "verdict=accept reason=known\n";
const std::string kPostfix =
    "request=smtpd_access_policy\nclient_address=192.0.2.1\nrecipient=b\nsender=";
const std::string kUnread =
    "verdict=defer reason=error text=\"Greylisting cannot read what it is asked: bad-line\"\n";
const std::string kDunno = "action=DUNNO\n\n";

}  // namespace

TEST_CASE("decisions may come later, in any order; answers come in that of the requests") {
  Fixture f;
  Peer peer = f.connect();
  peer.send("check 192.0.2.1 a b\n" + kPostfix + "b\n\ncheck \"\" c c\n" + kPostfix + "d\n\n");
  f.serve();
  CHECK(f.asked() == 3);
  CHECK(peer.received() == "");
  f.decide_all();
  CHECK(peer.received() == kKnown + kDunno + "verdict=accept\n" + kDunno);
}

TEST_CASE("while its requests are being decided nothing is read from a connection") {
  Fixture f;
  Peer peer = f.connect(), other = f.connect();
  peer.ask("1");
  f.serve();
  peer.ask("2");
  other.ask("3");
  f.serve();
  CHECK(f.asked() == 2);
  f.decide_all();
  CHECK(peer.received() == kKnown);
  CHECK(other.received() == kKnown);
  CHECK(f.asked() == 1);
  f.decide_all();
  CHECK(peer.received() == kKnown);
}

TEST_CASE("a connection may be gone when its decision comes") {
  Fixture f;
  Peer gone = f.connect(), stays = f.connect();
  gone.ask("1");
  stays.ask("2");
  f.serve();
  gone.close();
  f.serve();
  CHECK(f.server().connections() == 1);
  Peer next = f.connect();  // perhaps with the descriptor of the one that is gone
  f.decide_all();
  CHECK(next.received() == "");
  CHECK(stays.received() == kKnown);
  next.ask("3");
  f.serve();
  f.decide_all();
  CHECK(next.received() == kKnown);
}

TEST_CASE("a peer that closes its sending side gets its answers and then the end") {
  Fixture f;
  Peer peer = f.connect();
  peer.ask("1");
  peer.send("check 192.0.2.1 2 b");
  peer.half_close();
  f.serve();
  f.decide_all();
  CHECK(peer.received() == kKnown);
  f.decide_all();
  CHECK(peer.received() == kKnown + "|");
  CHECK(f.server().connections() == 0);
}

TEST_CASE("what asks together is decided as one batch") {
  Fixture f;
  std::vector<Peer> peers;
  for (int i = 0; i < 20; ++i) peers.push_back(f.connect());
  for (Peer& peer : peers) peer.ask("s");
  f.server().handle(1'700'000'000);
  CHECK(f.asked() == 20);
  f.decide_all();
  for (Peer& peer : peers) CHECK(peer.received() == kKnown);
}

TEST_CASE("those who ask about many recipients take turns by these") {
  Fixture f;
  std::vector<Peer> peers;
  for (int i = 0; i < 20; ++i) peers.push_back(f.connect());
  std::string recipients = "r0";
  for (int i = 1; i < 1000; ++i) recipients += ", r" + std::to_string(i);
  for (Peer& peer : peers) peer.send("check 192.0.2.1 s \"" + recipients + "\"\n");
  std::size_t most = 0;
  for (int i = 0; i < 200; ++i) {
    const std::size_t before = f.asked();
    f.server().handle(1'700'000'000);
    most = std::max(most, f.asked() - before);
  }
  CHECK(f.asked() == 20);
  CHECK(most >= 2);
  CHECK(most <= 3);
  f.decide_all();
  for (Peer& peer : peers) CHECK(peer.received() == kKnown);
}

TEST_CASE("a connection that floods does not keep the others waiting") {
  Fixture f;
  f.at_once = true;
  std::vector<Peer> floods;
  std::string many;
  while (many.size() < 100'000) many += "check 1 2 3\n";
  for (int i = 0; i < 70; ++i) floods.push_back(f.connect());
  Peer peer = f.connect();
  for (Peer& flood : floods) flood.send(many);
  peer.ask("1");
  // Each call takes about a batch; every connection has had its turn after two rounds of events.
  for (int i = 0; i < 200; ++i) f.server().handle(1'700'000'000);
  CHECK(peer.received() == kKnown);
}

TEST_CASE("time-outs count ticks: for idle connections many, for half a request few") {
  MtaSettings settings;
  settings.stream.idle_ticks = 10;
  settings.stream.unfinished_ticks = 3;
  Fixture f(std::move(settings));
  Peer idle = f.connect(), half = f.connect(), active = f.connect(), waits = f.connect();
  half.send("request=");
  waits.ask("1");
  f.serve();
  f.tick(2);
  half.send("s");  // dribbling does not help
  active.ask("2");
  f.serve();
  f.decide_all();
  CHECK(half.received() == "");
  f.tick(1);
  CHECK(half.received() == "|");
  CHECK(idle.received() == "");
  f.tick(7);
  CHECK(idle.received() == "|");
  CHECK(active.received() == kKnown);
  f.tick(2);
  CHECK(active.received() == "|");
}

TEST_CASE("a peer is not closed because its decision takes long") {
  MtaSettings settings;
  settings.stream.idle_ticks = settings.stream.unfinished_ticks = 3;
  Fixture f(std::move(settings));
  Peer peer = f.connect();
  peer.ask("1");
  f.serve();
  f.tick(20);
  CHECK(peer.received() == "");
  f.decide_all();
  CHECK(peer.received() == kKnown);
}

TEST_CASE("at the bound the oldest connection makes room, an idle one before one that is busy") {
  MtaSettings settings;
  settings.stream.max_connections = 3;
  Fixture f(std::move(settings));
  f.at_once = true;
  Peer a = f.connect(), b = f.connect(), c = f.connect();
  a.ask("1");
  f.serve();
  CHECK(a.received() == kKnown);
  Peer d = f.connect();
  CHECK(b.received() == "|");
  CHECK(f.server().connections() == 3);
  // None is idle: the one that has been busy for longest goes.
  f.tick(1);
  for (Peer* busy : {&c, &a, &d}) {
    busy->send("request");
    f.serve();
  }
  Peer e = f.connect();
  e.ask("2");
  f.serve();
  CHECK(e.received() == kKnown);
  CHECK(c.received() == "|");
  CHECK(a.received() + d.received() == "");
}

TEST_CASE("a connection that waits for its decision does not make room") {
  MtaSettings settings;
  settings.stream.max_connections = 2;
  Fixture f(std::move(settings));
  Peer a = f.connect(), b = f.connect();
  a.ask("1");
  f.serve();
  REQUIRE(f.asked() == 1);
  Peer c = f.connect();
  CHECK(b.received() == "|");
  f.decide_all();
  CHECK(a.received() == kKnown);
}

TEST_CASE("queries of one instance are about one message, on whatever connection they come") {
  Fixture f;
  Peer a = f.connect(), b = f.connect();
  const auto ask = [&](Peer& peer, const std::string& instance, const std::string& recipient,
                       const std::string& client) {
    peer.send("request=smtpd_access_policy\nclient_address=" + client + "\nrecipient=" + recipient +
              "\nsender=a@x\ninstance=" + instance + "\n\n");
    f.serve();
    const std::uint64_t message = f.last_message();
    f.decide_all();
    CHECK(peer.received() == kDunno);
    return message;
  };
  const std::uint64_t message = ask(a, "7.1", "b@x", "192.0.2.1");
  CHECK(message != 0);
  CHECK(ask(a, "7.1", "c@x", "192.0.2.1") == message);
  CHECK(ask(b, "7.1", "b@x", "192.0.2.1") == message);
  CHECK(ask(a, "7.2", "b@x", "192.0.2.1") != message);
  CHECK(ask(a, "7.1", "b@x", "192.0.2.2") != message);
  CHECK(ask(a, "", "b@x", "192.0.2.1") == 0);
}

TEST_CASE("what all peers leave unread or unfinished is bounded") {
  MtaSettings settings;
  settings.stream.max_held = 40'000;
  Fixture f(std::move(settings));
  f.at_once = true;
  std::vector<Peer> peers;
  for (int i = 0; i < 20; ++i) {
    peers.push_back(f.connect());
    peers.back().send("check " + std::string(4000, 'x'));
    f.serve();
  }
  CHECK(f.server().connections() < 11);
  CHECK(f.server().connections() > 4);
  Peer next = f.connect();
  next.ask("1");
  f.serve();
  CHECK(next.received() == kKnown);
}

TEST_CASE("what long requests took is given back when they are answered") {
  MtaSettings settings;
  settings.stream.max_held = 40'000;
  Fixture f(std::move(settings));
  f.at_once = true;
  std::vector<Peer> peers;
  for (int i = 0; i < 40; ++i) {
    peers.push_back(f.connect());
    peers.back().send(kPostfix + std::string(4000, 's') + "\ninstance=" + std::string(3000, 'i') +
                      "\n\n");
    f.serve();
    CHECK(peers.back().received() == kDunno);
  }
  CHECK(f.server().connections() == 40);
}

TEST_CASE("answers that are not taken are dropped in time") {
  MtaSettings settings;
  settings.stream.unfinished_ticks = 3;
  Fixture f(std::move(settings));
  f.at_once = true;
  Peer peer = f.connect();
  while (peer.send_some("check 192.0.2.1 s b\n")) f.serve();
  CHECK(f.server().connections() == 1);
  f.tick(4);
  CHECK(f.server().connections() == 0);
}

TEST_CASE("when all wait for their decisions a new one waits, and is not lost") {
  MtaSettings settings;
  settings.stream.max_connections = 2;
  Fixture f(std::move(settings));
  Peer a = f.connect(), b = f.connect();
  a.ask("1");
  b.ask("2");
  f.serve();
  REQUIRE(f.asked() == 2);
  Peer c = f.connect(), d = f.connect();
  c.ask("3");
  d.ask("4");
  f.tick(2);
  f.decide_all();
  CHECK(a.received() + b.received() == kKnown + kKnown);
  f.tick(2);
  f.decide_all();
  f.tick(2);
  f.decide_all();
  CHECK(c.received() + d.received() == kKnown + kKnown);
}

TEST_CASE("a fault is answered behind the requests before it, and then nothing more is read") {
  Fixture f;
  Peer peer = f.connect();
  peer.send("check 192.0.2.1 a b\ncheck x\ncheck 192.0.2.1 c d\n");
  f.serve();
  CHECK(f.asked() == 1);
  f.decide_all();
  CHECK(peer.received() == kKnown + kUnread + "|");
  // What it is still sending must not reset the connection, with the answer in it.
  CHECK(peer.send_some(std::string(100'000, 'x')));
  f.serve();
  CHECK(f.server().connections() == 1);
  peer.close();
  f.serve();
  CHECK(f.server().connections() == 0);
}

TEST_CASE("who goes on sending after a fault is closed in time, and in bytes") {
  MtaSettings settings;
  settings.stream.unfinished_ticks = 3;
  Fixture f(std::move(settings));
  Peer slow = f.connect(), fast = f.connect();
  slow.send("check x\n");
  fast.send("check x\n");
  f.serve();
  for (int i = 0; i < 2000 && f.server().connections() == 2; ++i) {
    fast.send_some(std::string(10'000, 'x'));
    f.serve();
  }
  CHECK(f.server().connections() == 1);
  f.tick(4);
  CHECK(f.server().connections() == 0);
  CHECK(slow.received() == kUnread + "|");
}

TEST_CASE("a client's address that cannot be read is no way past, and ends nothing") {
  Fixture f;
  f.at_once = true;
  Peer peer = f.connect();
  peer.send("check 192.0.2 a b\n");
  peer.ask("1");
  f.serve();
  CHECK(
      peer.received() ==
      "verdict=defer reason=error text=\"Greylisting cannot read what it is asked: bad-client\"\n" +
          kKnown);
}

TEST_CASE("without memory for decisions the askers are closed, and others served") {
  Fixture f;
  f.at_once = true;
  Peer asker = f.connect(), idle = f.connect();
  f.fail = true;
  asker.ask("1");
  CHECK_THROWS_AS(f.serve(), std::bad_alloc);
  CHECK(asker.received() == "|");
  f.fail = false;
  idle.ask("2");
  f.serve();
  CHECK(idle.received() == kKnown);
}
