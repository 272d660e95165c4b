// A stream server with a toy protocol, lines that are echoed; real sockets, and nothing happens but
// what the test calls.
#include "greyd/net/stream_server.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <spdlog/sinks/null_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/temporary_directory.h"
#include "tests/unit/net/stream_peer.h"

using namespace grey;
using testing::Peer;

namespace {

constexpr Seconds kNow = 1'700'000'000;
constexpr std::size_t kPiece = 1000;  // bytes of a long answer at once

// "TEXT\n" is answered at once, "late TEXT\n" when the test says, "count N\n" by the numbers below
// N in pieces; "quit\n" ends the connection, "bad\n" with what follows unread, "die\n" from within,
// "throw\n" has no memory.
class Echo : public StreamProtocol {
 public:
  struct Late {
    StreamId id;
    std::string text;
  };
  class Talk : public StreamTalk {
   public:
    Talk(Echo& echo, StreamId id) : echo_(echo), id_(id) {}
    ~Talk() override { ++echo_.gone; }
    Taken receive(std::string_view bytes, std::string& out, Seconds now) override {
      CHECK(now == kNow);
      Taken taken;
      line_.append(bytes);
      for (std::size_t end; taken.then == Then::go_on && count_ == until_ &&
                            (end = line_.find('\n')) != std::string::npos;) {
        const std::string line = line_.substr(0, end);
        line_.erase(0, end + 1);
        take(line, out, taken);
      }
      return taken;
    }
    Taken at_end(std::string& out, Seconds) override {
      if (!line_.empty()) out += "unfinished " + line_ + '\n';
      return {};
    }
    bool more(std::string& out) override {
      nothing_ = !nothing_;
      if (nothing_) return count_ < until_;  // each second piece is an empty one
      while (count_ < until_ && out.size() < kPiece) out += std::to_string(count_++) + '\n';
      return count_ < until_;
    }
    bool idle() const override { return line_.empty() && count_ == until_; }
    std::size_t memory() const override { return line_.capacity(); }
    void rest() override { ++echo_.rests; }

   private:
    void take(const std::string& line, std::string& out, Taken& taken) {
      if (line.starts_with("late ")) {
        echo_.late.push_back({id_, line.substr(5)});
        ++taken.due;
      } else if (line.starts_with("count ")) {
        until_ = count_ + std::stoul(line.substr(6));
      } else if (line == "quit") {
        taken.then = Then::end;
      } else if (line == "bad") {
        out += "bad\n";
        taken.then = Then::drain;
      } else if (line == "die") {
        echo_.server->close(id_);
      } else if (line == "throw") {
        throw std::bad_alloc();
      } else {
        out += line + '\n';
      }
    }

    Echo& echo_;
    const StreamId id_;
    std::string line_;
    std::size_t count_ = 0, until_ = 0;
    bool nothing_ = false;
  };

  std::unique_ptr<StreamTalk> accept(StreamId id, const StreamPeer& peer, Seconds) override {
    if (refuses) return nullptr;
    last_peer = peer;
    last_id = id;
    return std::make_unique<Talk>(*this, id);
  }
  bool ready() const override { return takes; }
  void turn_over(Seconds) override { ++turns; }
  void turn_failed() noexcept override { ++failed; }

  // The last first.
  void answer_all() {
    while (!late.empty()) {
      const Late one = late.back();
      late.pop_back();
      if (std::string* const out = server->out(one.id)) *out += one.text + '\n';
      server->answered(one.id, 1);
    }
  }

  bool refuses = false, takes = true;
  int turns = 0, failed = 0, gone = 0, rests = 0;
  StreamId last_id = 0;
  StreamPeer last_peer;
  std::vector<Late> late;
  StreamServer* server = nullptr;
};

struct Fixture {
  explicit Fixture(StreamSettings settings = {}, mode_t mode = 0600) {
    settings.name = "echo";
    std::vector<Listener> listeners;
    auto listener = Listener::open({path, {}}, mode);
    REQUIRE(listener);
    listeners.push_back(std::move(*listener));
    server.emplace(std::move(settings), std::move(listeners), echo, logger, counters);
    echo.server = &*server;
  }
  Peer connect() {
    Peer peer(path);
    serve();
    return peer;
  }
  std::string say(Peer& peer, const std::string& text) {
    peer.send(text);
    serve();
    return peer.received();
  }
  void serve() {
    pollfd ready{server->fd(), POLLIN, 0};
    for (int i = 0; ::poll(&ready, 1, 0) == 1; ++i) {
      REQUIRE_MESSAGE(i < 10'000, "spins");
      server->handle(kNow);
    }
  }
  void tick(int times) {
    for (int i = 0; i < times; ++i) {
      server->tick(kNow);
      serve();
    }
  }

  testing::TemporaryDirectory directory;
  const std::string path = directory / "socket";
  spdlog::logger logger{"test", std::make_shared<spdlog::sinks::null_sink_mt>()};
  Echo echo;
  StreamCounters counters;
  std::optional<StreamServer> server;
};

std::string numbers(std::size_t from, std::size_t until) {
  std::string text;
  for (; from < until; ++from) text += std::to_string(from) + '\n';
  return text;
}

}  // namespace

TEST_CASE("lines are answered, however they come in pieces, each connection's to it") {
  Fixture f;
  Peer a = f.connect(), b = f.connect();
  CHECK(f.say(a, "one\ntw") == "one\n");
  CHECK(f.say(b, "three\n") == "three\n");
  CHECK(f.say(a, "o\n") == "two\n");
  CHECK(f.echo.turns > 0);
  CHECK(f.server->connections() == 2);
  a.close();
  f.serve();
  CHECK(f.echo.gone == 1);  // at once: nobody counts any more what it held
  CHECK(f.server->connections() == 1);
  b.send("die\n");
  f.serve();
  CHECK(f.echo.gone == 2);
}

TEST_CASE("who has been idle for too long goes in the tick that says so, and all that he held") {
  StreamSettings settings;
  settings.idle_ticks = 2;
  Fixture f(settings);
  Peer a = f.connect();
  for (int i = 0; i < 4 && f.server->connections() > 0; ++i) {
    CHECK(f.echo.gone == 0);
    f.server->tick(kNow);
  }
  CHECK(f.server->connections() == 0);
  CHECK(f.echo.gone == 1);
}

TEST_CASE("a late answer finds its connection, which is not read meanwhile, or nobody") {
  Fixture f;
  Peer a = f.connect(), b = f.connect();
  CHECK(f.say(a, "late one\n") == "");
  CHECK(f.say(b, "late two\n") == "");
  CHECK(f.say(a, "next\n") == "");
  REQUIRE(f.echo.late.size() == 2);
  b.close();
  f.serve();
  CHECK(f.server->connections() == 1);
  f.echo.answer_all();
  CHECK(a.received() == "one\n");
  f.serve();
  CHECK(a.received() == "next\n");
}

TEST_CASE("of several answers that are due none goes before the last is there") {
  Fixture f;
  Peer peer = f.connect();
  CHECK(f.say(peer, "late one\nlate two\n") == "");
  *f.server->out(f.echo.last_id) += "first\n";
  f.server->answered(f.echo.last_id, 1);
  CHECK(peer.received() == "");
  f.server->answered(f.echo.last_id, 1);
  CHECK(peer.received() == "first\n");
  f.server->answered(f.echo.last_id, 1);  // one too many is none
  CHECK(f.say(peer, "x\n") == "x\n");
}

TEST_CASE("what nobody has asked for can be sent, too") {
  Fixture f;
  Peer peer = f.connect();
  *f.server->out(f.echo.last_id) += "event\n";
  f.server->answered(f.echo.last_id, 0);
  CHECK(peer.received() == "event\n");
}

TEST_CASE("a long answer comes at the reader's pace, in bounded memory, and others are served") {
  StreamSettings settings;
  settings.max_held = 10'000;
  Fixture f(std::move(settings));
  Peer reader = f.connect(), other = f.connect();
  reader.send("count 200000\nafter\n");
  f.serve();
  CHECK(f.say(other, "x\n") == "x\n");
  const std::string wanted = numbers(0, 200'000);
  std::string all;
  for (int i = 0; i < 100'000 && all.size() < wanted.size(); ++i) {
    all += reader.received();
    f.serve();
  }
  CHECK((all == wanted));
  CHECK(f.say(reader, "z\n") == "after\nz\n");
  CHECK(f.server->connections() == 2);
}

TEST_CASE("a reader that stops in the midst of a long answer is dropped in time, others are not") {
  StreamSettings settings;
  settings.unfinished_ticks = 3;
  Fixture f(std::move(settings));
  Peer stands = f.connect(), reads = f.connect();
  stands.send("count 10000000\n");
  reads.send("count 1000000\n");
  f.serve();
  std::size_t got = 0;
  for (int i = 0; i < 5; ++i) {
    got += reads.received().size();
    f.tick(1);
  }
  CHECK(f.server->connections() == 1);
  CHECK(stands.received().ends_with("|"));
  CHECK(!reads.received().ends_with("|"));
}

TEST_CASE("a connection whose answer we owe is not blamed for it, however long it takes") {
  StreamSettings settings;
  settings.idle_ticks = settings.unfinished_ticks = 3;
  Fixture f(std::move(settings));
  Peer waits = f.connect(), half = f.connect(), idle = f.connect();
  f.say(waits, "late x\n");
  half.send("half a line");
  f.serve();
  f.tick(3);
  CHECK(half.received() == "|");
  CHECK(idle.received() == "|");
  f.tick(10);
  f.echo.answer_all();
  CHECK(waits.received() == "x\n");
}

TEST_CASE("a peer that sends no more gets what is left, and then the end") {
  Fixture f;
  Peer peer = f.connect();
  peer.send("late one\nlate two\n");
  f.serve();
  peer.half_close();
  f.serve();
  f.echo.answer_all();
  f.serve();
  CHECK(peer.received() == "two\none\n|");
  Peer half = f.connect();
  half.send("half");
  half.half_close();
  f.serve();
  CHECK(half.received() == "unfinished half\n|");
  Peer reads = f.connect();
  reads.send("count 300000\n");
  reads.half_close();
  std::string all;
  for (int i = 0; i < 10'000 && !all.ends_with('|'); ++i) {
    f.serve();
    all += reads.received();
  }
  CHECK((all == numbers(0, 300'000) + "|"));
  CHECK(f.server->connections() == 0);
}

TEST_CASE(
    "a protocol ends a connection: at once, behind the answers, or with what follows unread") {
  Fixture f;
  Peer quits = f.connect(), bad = f.connect(), dies = f.connect();
  CHECK(f.say(quits, "x\nquit\nnever\n") == "x\n|");
  CHECK(f.say(bad, "bad\n") == "bad\n|");
  CHECK(bad.send_some(std::string(100'000, 'x')));  // is no reset
  f.serve();
  CHECK(f.server->connections() == 2);
  bad.close();
  CHECK(f.say(dies, "die\n") == "|");  // from within its own call
  CHECK(f.server->connections() == 0);
  CHECK(f.echo.gone == 3);  // and not before that has returned
}

TEST_CASE("without memory who is being served is closed, and the others are not") {
  Fixture f;
  Peer peer = f.connect(), other = f.connect();
  peer.send("throw\n");
  CHECK_THROWS_AS(f.serve(), std::bad_alloc);
  CHECK(f.echo.failed == 1);
  CHECK(peer.received() == "|");
  CHECK(f.say(other, "x\n") == "x\n");
}

TEST_CASE("while a protocol takes nothing, nothing is read and nothing spins") {
  Fixture f;
  Peer early = f.connect(), other = f.connect(), gone = f.connect();
  f.echo.takes = false;
  CHECK(f.say(early, "one\n") == "");
  CHECK(f.say(gone, "two\n") == "");
  gone.close();
  f.serve();
  CHECK(f.server->connections() == 2);
  Peer late = f.connect();
  CHECK(f.server->connections() == 3);
  f.echo.takes = true;
  f.server->resume();
  CHECK(f.say(other, "three\n") == "three\n");
  CHECK(early.received() == "one\n");
}

TEST_CASE("who connects is known: the process by a unix socket, the address by TCP") {
  Fixture f;
  Peer peer = f.connect();
  CHECK(!f.echo.last_peer.address);
  CHECK(f.echo.last_peer.process.pid == ::getpid());
  CHECK(f.echo.last_peer.process.user == ::geteuid());
  CHECK(f.echo.last_peer.process.group == ::getegid());
  CHECK(to_text(f.echo.last_peer.address) == "local");
  CHECK(to_text(Endpoint{*Ip::parse("192.0.2.1"), 25}) == "192.0.2.1@25");
  f.echo.refuses = true;
  Peer refused = f.connect();
  CHECK(refused.received() == "|");
  CHECK(f.server->connections() == 1);
}

TEST_CASE(
    "a unix socket's file has the mode that is wanted, whatever the umask, and goes with it") {
  for (const mode_t mode : {0600u, 0660u, 0666u}) {
    const mode_t before = ::umask(027);
    std::string path;
    {
      const Fixture f({}, mode);
      path = f.path;
      struct stat file {};
      REQUIRE(::stat(path.c_str(), &file) == 0);
      CHECK((file.st_mode & 0777) == mode);
      CHECK(Listener::check_path(path).has_value());  // a socket: perhaps of one that is gone
      CHECK(!Listener::open({path, {}}, mode).has_value());
    }
    CHECK(::access(path.c_str(), F_OK) != 0);
    ::umask(before);
  }
}

TEST_CASE("what stands in the way of a socket is told by a check, and by an open alike") {
  const testing::TemporaryDirectory directory;
  const auto refused = [](const std::string& path) {
    const auto checked = Listener::check_path(path);
    const auto opened = Listener::open({path, {}}, 0600);
    REQUIRE(!checked.has_value());
    REQUIRE(!opened.has_value());
    CHECK(checked.error().text == opened.error().text);
    return checked.error().text;
  };
  const std::string file = directory / "file";
  Fd(::open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  CHECK(refused(file).find("File exists") != std::string::npos);
  CHECK(refused(directory / "none/socket").find("No such file") != std::string::npos);
  CHECK(refused(directory / std::string(200, 'x')).find("too long") != std::string::npos);
  CHECK(::access(file.c_str(), F_OK) == 0);
}

TEST_CASE("what is held in all is bounded: who holds most goes") {
  StreamSettings settings;
  settings.max_held = 40'000;
  Fixture f(std::move(settings));
  std::vector<Peer> peers;
  for (int i = 0; i < 20; ++i) {
    peers.push_back(f.connect());
    peers.back().send(std::string(4000, 'x'));
    f.serve();
  }
  CHECK(f.server->connections() < 11);
  CHECK(f.server->connections() > 3);
  Peer next = f.connect();
  CHECK(f.say(next, "x\n") == "x\n");
  CHECK(f.echo.rests > 0);
}

TEST_CASE("connections are bounded in number, and the oldest makes room") {
  StreamSettings settings;
  settings.max_connections = 3;
  Fixture f(std::move(settings));
  Peer a = f.connect(), b = f.connect(), c = f.connect(), d = f.connect();
  CHECK(f.server->connections() == 3);
  CHECK(a.received() == "|");
  CHECK(f.say(d, "x\n") == "x\n");
}
