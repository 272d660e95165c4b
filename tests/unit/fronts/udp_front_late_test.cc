// The UDP front with a decider that answers late: real sockets on loopback, and nothing happens
// but what the test calls.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>

#include "greyd/fronts/udp_front.h"
#include "tests/unit/fronts/late_decider.h"
#include "tests/unit/fronts/udp_asker.h"

using namespace grey;
using namespace std::string_literals;
using testing::Asker;
using testing::LateDecider;

namespace {

constexpr Seconds kNow = 1'700'000'000;
const std::string kKnown = "\1\2"s;

std::string query(int n, const std::string& additions = "") {
  return "I192.0.2.1\0F"s + std::to_string(n) + "@x.org\0Tb@y.net\0"s + additions + '\0';
}
std::string dear_query() {
  std::string text = "I192.0.2.1\0Fdear@x.org\0"s;
  for (int i = 0; i < 20; ++i) text += "T" + std::to_string(i) + '\0';
  return text;
}

struct Fixture {
  explicit Fixture(std::size_t max_batches = 3) : batches(max_batches) {
    Fd socket = testing::bind_any_port(port);
    UdpSettings settings;
    (void)settings.allow.add("127.0.0.0/8");
    settings.allow.build();
    settings.max_batches = max_batches;
    settings.patience = 3;
    front.emplace(std::move(settings), std::move(socket), decider, pipe, *logger, counters);
  }
  ~Fixture() {
    ::close(log[0]);
    ::close(log[1]);
  }
  std::string logged() {
    char text[4096];
    const ssize_t size = ::read(log[0], text, sizeof text);
    return size > 0 ? std::string(text, std::size_t(size)) : "";
  }
  // One batch with one query for each that may be in flight.
  void fill(const Asker& asker) {
    for (std::size_t i = 0; i < batches; ++i) {
      REQUIRE(asker.ask(query(int(i))));
      front->handle(kNow);
    }
    REQUIRE(decider.batches() == batches);
    REQUIRE(!front->reading());
  }

  const std::size_t batches;
  int log[2] = {-1, -1};
  int made = ::pipe2(log, O_NONBLOCK | O_CLOEXEC);
  LogPipe pipe{log[1]};
  std::shared_ptr<spdlog::logger> logger = make_logger(pipe);
  EventLoop loop{[](const std::exception& error) { FAIL(error.what()); }};
  LateDecider decider;
  std::uint16_t port = 0;
  UdpCounters counters;
  std::optional<UdpFront> front;
};

}  // namespace

TEST_CASE("a late decision is answered to who asked, from batches in any order") {
  Fixture f;
  const Asker one("127.0.0.1", f.port), two("127.0.0.2", f.port);
  REQUIRE(one.ask(query(1, "Qtag1\0"s)));
  f.front->handle(kNow);
  REQUIRE(two.ask(query(2, "Qtag2\0"s)));
  f.front->handle(kNow);
  CHECK(one.answer() == "");
  f.decider.answer(1);
  CHECK(two.answer() == kKnown + "tag2");
  CHECK(one.answer() == "");
  f.decider.answer(0);
  CHECK(one.answer() == kKnown + "tag1");
  const std::string log = f.logged();
  CHECK(log.find("sender=2@x.org") < log.find("sender=1@x.org"));
  CHECK(testing::lost(f.counters) == 0);
}

TEST_CASE("decisions of one batch come in any order; it is answered when all are there") {
  Fixture f;
  const Asker one("127.0.0.1", f.port), two("127.0.0.2", f.port);
  REQUIRE(one.ask(query(1)));
  REQUIRE(two.ask(query(2)));
  f.front->handle(kNow);
  REQUIRE(f.decider.batches() == 1);
  f.decider.answer(0, 1);
  CHECK(two.answer() == "");
  f.decider.answer(0, 0);
  CHECK(one.answer() == kKnown);
  CHECK(two.answer() == kKnown);
}

TEST_CASE("while all batches are in flight nothing is read, and the system keeps what comes") {
  Fixture f;
  const Asker asker("127.0.0.1", f.port), other("127.0.0.2", f.port);
  f.fill(asker);
  for (int i = 0; i < 100; ++i) REQUIRE(other.ask(query(i)));
  f.front->handle(kNow);
  CHECK(f.decider.queries() == 3);
  f.decider.answer(1);
  CHECK(f.front->reading());
  f.decider.at_once = true;
  f.front->handle(kNow);
  f.front->handle(kNow);
  CHECK(other.answers() == 100);
  f.decider.answer_all();
  CHECK(asker.answers() == 3);
  CHECK(testing::lost(f.counters) == 0);
}

TEST_CASE("what the system cannot keep meanwhile is counted") {
  Fixture f;
  const Asker asker("127.0.0.1", f.port);
  f.fill(asker);
  int sent = 0;
  const std::string large = query(1, "X" + std::string(60'000, 'x') + '\0');
  for (int i = 0; i < 2000; ++i) sent += asker.ask(large) ? 1 : 0;  // some 120 MB
  f.front->tick(kNow);
  CHECK(f.counters.overflow > 500);
  CHECK(f.logged().find(" dropped by the system") != std::string::npos);
}

TEST_CASE("a loop stops watching while all batches are in flight, and goes on when one is back") {
  Fixture f;
  const Asker asker("127.0.0.1", f.port), other("127.0.0.2", f.port);
  EventLoop& loop = f.loop;
  f.front->attach(loop, [] { return kNow; });
  int ticks = 0;
  const auto tick = loop.every(0.001, [&] { ++ticks; });
  for (std::size_t i = 0; i < 3; ++i) {
    REQUIRE(asker.ask(query(int(i))));
    while (f.decider.batches() == i) loop.step();
  }
  REQUIRE(other.ask(query(9)));
  // It would spin if it watched; and nothing else is kept from its turn.
  ticks = 0;
  int steps = 0;
  for (; ticks < 5; ++steps) loop.step();
  CHECK(steps <= 10);
  CHECK(f.decider.batches() == 3);
  f.decider.answer_all();
  while (f.decider.batches() == 0) loop.step();
  f.decider.answer_all();
  CHECK(other.answer() == kKnown);
}

TEST_CASE("a decider that never answers costs its askers their answer, and others nothing") {
  Fixture f;
  const Asker asker("127.0.0.1", f.port), other("127.0.0.2", f.port);
  f.fill(asker);
  f.front->tick(kNow);
  f.front->tick(kNow);
  CHECK(!f.front->reading());
  f.front->tick(kNow);
  CHECK(f.decider.forgotten == 3);
  CHECK(f.front->reading());
  CHECK(f.counters.overdue == 3);
  CHECK(f.logged().find("3 not decided within 3 seconds") != std::string::npos);
  f.decider.at_once = true;
  REQUIRE(other.ask(query(1)));
  f.front->handle(kNow);
  CHECK(other.answer() == kKnown);
  CHECK(asker.answer() == "");
}

TEST_CASE("of a batch that is given up those that were decided are answered") {
  Fixture f;
  const Asker one("127.0.0.1", f.port), two("127.0.0.2", f.port);
  REQUIRE(one.ask(query(1)));
  REQUIRE(two.ask(query(2)));
  f.front->handle(kNow);
  f.decider.answer(0, 1);
  for (int i = 0; i < 3; ++i) f.front->tick(kNow);
  CHECK(f.decider.forgotten == 1);
  CHECK(two.answer() == kKnown);
  CHECK(one.answer() == "");
  CHECK(f.counters.overdue == 1);
}

TEST_CASE("when a decider throws, the front goes on, and who was decided before is answered") {
  Fixture f(1);
  const Asker one("127.0.0.1", f.port), two("127.0.0.2", f.port);
  for (const auto fails : {LateDecider::Fails::at_once, LateDecider::Fails::after_one}) {
    f.decider.fails = fails;
    REQUIRE(one.ask(query(1)));
    REQUIRE(two.ask(query(2)));
    CHECK_THROWS_AS(f.front->handle(kNow), std::bad_alloc);
    CHECK(one.answers() == (fails == LateDecider::Fails::after_one ? 1 : 0));
    CHECK(two.answers() == 0);
  }
  CHECK(f.counters.undecided == 3);
  f.decider.fails = LateDecider::Fails::no;
  f.decider.at_once = true;
  REQUIRE(two.ask(query(2)));
  f.front->handle(kNow);
  CHECK(two.answer() == kKnown);
  CHECK(f.decider.forgotten == 0);
}

TEST_CASE("an asker that has gone is no harm") {
  Fixture f;
  const Asker stays("127.0.0.1", f.port);
  {
    const Asker gone("127.0.0.2", f.port);
    REQUIRE(gone.ask(query(1)));
    REQUIRE(stays.ask(query(2)));
    f.front->handle(kNow);
  }
  f.decider.answer_all();
  CHECK(stays.answer() == kKnown);
  REQUIRE(stays.ask(query(3)));
  f.front->handle(kNow);  // perhaps with an error from the one that is gone
  f.front->handle(kNow);
  f.decider.answer_all();
  CHECK(stays.answer() == kKnown);
}

TEST_CASE("dear queries have a batch, too, while others' decisions take long") {
  Fixture f(2);
  const Asker asker("127.0.0.1", f.port), greedy("127.0.0.2", f.port);
  REQUIRE(greedy.ask(dear_query()));
  REQUIRE(greedy.ask(dear_query()));
  f.front->handle(kNow);
  REQUIRE(f.decider.batches() == 1);  // one of them; the other waits
  REQUIRE(asker.ask(query(1)));
  f.front->handle(kNow);
  REQUIRE(f.decider.batches() == 2);
  CHECK(f.decider.sender(1, 0) == "dear@x.org");
  CHECK(!f.front->pending());
  f.decider.answer_all();
  f.front->handle(kNow);
  f.decider.answer_all();
  CHECK(asker.answer() == kKnown);
  CHECK(greedy.answers() == 2);
}

TEST_CASE("drained at the end, all that was asked is answered; what is given up is no harm") {
  Fixture f;
  const Asker asker("127.0.0.1", f.port);
  f.fill(asker);
  f.decider.drain();
  CHECK(asker.answers() == 3);
  f.fill(asker);
  f.decider.silent = true;
  f.decider.drain();
  f.front.reset();
  CHECK(asker.answers() == 0);
}

TEST_CASE("a front that goes has its decider forget what is in flight") {
  Fixture f;
  const Asker asker("127.0.0.1", f.port);
  f.fill(asker);
  f.front.reset();
  CHECK(f.decider.forgotten == 3);
  CHECK(f.decider.batches() == 0);
}
