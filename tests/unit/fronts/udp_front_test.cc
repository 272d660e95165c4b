// The UDP front with real sockets, and a service whose state is in a directory of the test's.
#include "greyd/fronts/udp_front.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "greyd/service/service.h"
#include "tests/temporary_directory.h"
#include "tests/unit/fronts/udp_asker.h"

using namespace grey;
using testing::Asker;
using namespace std::string_literals;

namespace {

constexpr Seconds kNow = 1'700'000'000;

std::string small_query(int n) {
  return "I192.0.2.1\0F"s + std::to_string(n) + "@x.org\0Tb@y.net\0\0"s;
}

// The dearest there is: a sender that is long in the journal's text, and short recipients.
std::string dear_query(int n) {
  std::string query = "I198.51.100.1\0F"s + std::to_string(n) + std::string(316, '\xff') + '\0';
  for (int i = 0; query.size() < 65'000; ++i) {
    query += {'T', char('a' + i % 26), char('a' + i / 26 % 26), char('a' + i / 676 % 26), '\0'};
  }
  return query;
}

struct Fixture {
  explicit Fixture(const Policy& decided = {}) : policy(decided) {
    REQUIRE(service.load(kNow, 100).has_value());
    Fd socket = testing::bind_any_port(port);
    UdpSettings settings;
    (void)settings.allow.add("127.0.0.0/8");
    settings.allow.build();
    settings.log_decisions = false;
    front.emplace(std::move(settings), std::move(socket), service, pipe, *logger, counters);
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

  Policy policy;
  Counters all;
  UdpCounters& counters = all.udp;
  testing::TemporaryDirectory directory;
  InlineBackground background;
  Service service{{policy, 100'000, directory / "context", {}, Sync::never},
                  HashKey{},
                  background,
                  [](StateFiles::Level, const std::string&) {},
                  all};
  int log[2] = {-1, -1};
  int made = ::pipe2(log, O_NONBLOCK | O_CLOEXEC);
  LogPipe pipe{log[1]};
  std::shared_ptr<spdlog::logger> logger = make_logger(pipe);
  std::uint16_t port = 0;
  std::optional<UdpFront> front;
};

}  // namespace

TEST_CASE("small queries do not wait for the dear ones that came before them") {
  Fixture f;
  const Asker greedy("127.0.0.9", f.port), other("127.0.0.1", f.port);
  int sent = 0;
  for (int i = 0; i < 20; ++i) sent += greedy.ask(dear_query(i)) ? 1 : 0;
  REQUIRE(sent > 10);
  for (int i = 0; i < 10; ++i) REQUIRE(other.ask(small_query(i)));
  f.front->handle(kNow);
  CHECK(other.answers() == 10);
  int dear = greedy.answers();
  CHECK(dear == 1);
  REQUIRE(f.front->pending());
  // Each later call has one of them, and small ones are answered between.
  while (f.front->pending()) {
    REQUIRE(other.ask(small_query(5)));
    f.front->handle(kNow);
    CHECK(other.answers() == 1);
    const int more = greedy.answers();
    CHECK(more <= 1);
    dear += more;
  }
  CHECK(dear == sent);
  CHECK(testing::lost(f.counters) == 0);
  CHECK(f.service.greylist().table().size() == std::size_t(sent) * wire::kMaxRecipients + 10);
}

TEST_CASE("dear queries that are too many are dropped, counted and told of once a minute") {
  Fixture f;
  const Asker greedy("127.0.0.9", f.port), other("127.0.0.1", f.port);
  int sent = 0;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 16; ++i) sent += greedy.ask(dear_query(i)) ? 1 : 0;
    f.front->handle(kNow);
  }
  // A message to twenty is dear as well, but its asker has not taken much.
  std::string twenty = "I192.0.2.7\0Fa@x.org\0"s;
  for (int i = 0; i < 20; ++i) twenty += "Tuser" + std::to_string(i) + "@y.net" + '\0';
  REQUIRE(other.ask(twenty));
  f.front->handle(kNow);
  f.front->handle(kNow);
  CHECK(other.answers() == 1);
  const std::uint64_t dropped = f.counters.backlog;
  CHECK(dropped > 50);
  int calls = 0;
  while (f.front->pending()) {
    f.front->handle(kNow);
    REQUIRE(++calls < 100);
  }
  CHECK(std::uint64_t(greedy.answers()) + dropped == std::uint64_t(sent));
  f.front->tick(kNow);
  const std::string line = f.logged();
  CHECK(line.find(std::to_string(dropped) + " dropped as their source sent too many dear ones") !=
        std::string::npos);
  f.front->tick(kNow + 100);
  CHECK(f.logged() == "");  // nothing new
}

TEST_CASE("what the system drops, as the queue is full, is counted") {
  Fixture f;
  const Asker asker("127.0.0.1", f.port);
  int sent = 0;
  for (int i = 0; i < 2000; ++i) sent += asker.ask(dear_query(1)) ? 1 : 0;  // some 130 MB
  REQUIRE(sent > 1000);
  f.front->tick(kNow);
  CHECK(f.counters.overflow > 500);
  CHECK(f.logged().find(" dropped by the system") != std::string::npos);
}

TEST_CASE("a question that is asked again without the additions is no retry") {
  Policy policy;
  policy.min_resend = 0;
  Fixture f(policy);
  const Asker asker("127.0.0.1", f.port), another("127.0.0.1", f.port);
  const std::string envelope = "I192.0.2.1\0Fa@x.org\0Tb@y.net\0"s;
  const std::string full = envelope + "Nmx.x.org\0Qtag\0\0"s, plain = envelope + "\0"s;
  const auto heard = [&](const Asker& from, const std::string& datagram) {
    REQUIRE(from.ask(datagram));
    f.front->handle(kNow);
    return from.answer();
  };
  CHECK(heard(asker, full) == "\0\1tag"s);
  CHECK(heard(asker, plain) == "\0\1tag"s);
  CHECK(heard(asker, envelope) == "\0\1tag"s);
  CHECK(heard(asker, full) == "\0\1tag"s);
  CHECK(heard(asker, "I192.0.2.1\0Fa@x.org\0Tc@y.net\0\0"s) == "\0\1"s);
  CHECK(heard(another, plain) == "\1\3"s);
}

TEST_CASE("a copy without the additions is answered as the question with them was") {
  Fixture f;
  const Asker asker("127.0.0.1", f.port), another("127.0.0.1", f.port);
  const auto heard = [&](const Asker& from, const std::string& datagram, Seconds now) {
    REQUIRE(from.ask(datagram));
    f.front->handle(now);
    return from.answer();
  };
  const std::string envelope = "I192.0.2.1\0Fa@x.org\0Tb@y.net\0"s;
  CHECK(heard(asker, envelope + "Nmx.x.org\0W\0Qtag\0\0"s, kNow) == "\0\1\0\0\1\x2ctag"s);
  CHECK(heard(asker, envelope + "\0"s, kNow + 10) == "\0\2\0\0\1\x22tag"s);
  // The tag is nobody else's, nor that of a later question.
  CHECK(heard(another, envelope + "\0"s, kNow + 10) == "\0\2"s);
  CHECK(heard(asker, "I192.0.2.1\0Fa@x.org\0Tc@y.net\0\0"s, kNow + 10) == "\0\1"s);
  CHECK(heard(asker, envelope + "\0"s, kNow + 61) == "\0\2"s);
  // What is too long for what is remembered is answered, and forgotten.
  const std::string name = "N" + std::string(400, 'n') + '\0';
  CHECK(heard(asker, envelope + name + "Qtag2\0\0"s, kNow + 62) == "\0\2tag2"s);
  CHECK(heard(asker, envelope + "\0"s, kNow + 62) == "\0\2"s);
}
