// A dry run by UDP: who asks is told to accept, and the log, the counters and the state have what
// would have been.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "greyd/fronts/udp_front.h"
#include "greyd/service/service.h"
#include "tests/temporary_directory.h"
#include "tests/unit/core/decided.h"
#include "tests/unit/fronts/udp_asker.h"

using namespace grey;
using testing::Asker;
using namespace std::string_literals;

namespace {

constexpr Seconds kNow = 1'700'000'000;

struct Fixture {
  explicit Fixture(const Policy& policy)
      : service(
            {policy, 1000, directory / "context", {}, Sync::never}, HashKey{}, background,
            [](StateFiles::Level, const std::string&) {}, counters) {
    REQUIRE(made == 0);
    REQUIRE(service.load(kNow, 100).has_value());
    Fd socket = testing::bind_any_port(port);
    UdpSettings settings;
    (void)settings.allow.add("127.0.0.0/8");
    settings.allow.build();
    front.emplace(std::move(settings), std::move(socket), service, pipe, *logger, counters.udp);
  }
  ~Fixture() {
    ::close(log[0]);
    ::close(log[1]);
  }
  std::string answer(const Asker& asker, const std::string& datagram, Seconds now) {
    REQUIRE(asker.ask(datagram));
    front->handle(now);
    return asker.answer();
  }
  std::string logged() {
    char text[4096];
    const ssize_t size = ::read(log[0], text, sizeof text);
    return size > 0 ? std::string(text, std::size_t(size)) : "";
  }

  testing::TemporaryDirectory directory;
  Counters counters;
  InlineBackground background;
  Service service;
  int log[2] = {-1, -1};
  int made = ::pipe2(log, O_NONBLOCK | O_CLOEXEC);
  LogPipe pipe{log[1]};
  std::shared_ptr<spdlog::logger> logger = make_logger(pipe);
  std::uint16_t port = 0;
  std::optional<UdpFront> front;
};

Count decided(const Fixture& f, wire::Reason reason) {
  return f.counters.udp.decided[std::size_t(reason)];
}

}  // namespace

TEST_CASE("in a dry run what would be deferred is answered with known, and no wait") {
  Fixture f(testing::dry_run());
  const Asker asker("127.0.0.1", f.port);
  const std::string plain = "I192.0.2.1\0Fa@x.org\0Tb@y.net\0"s, query = plain + "\0"s;
  CHECK(f.answer(asker, query, kNow) == "\1\2"s);
  CHECK(f.logged().starts_with("verdict=defer reason=new client=192.0.2.1 "));
  // The tag comes back, the wait does not: there is none for who is accepted.
  CHECK(f.answer(asker, plain + "W\0Qtag\0\0"s, kNow + 100) == "\1\2tag"s);
  const std::string line = f.logged();
  CHECK(line.starts_with("verdict=defer reason=early "));
  CHECK(line.find(" age=100 wait=200 ") != std::string::npos);
  CHECK(line.ends_with(" dry-run=yes\n"));
  // What would be accepted has its own reason, as the state goes on as ever.
  CHECK(f.answer(asker, query, kNow + 400) == "\1\3"s);
  CHECK(f.answer(asker, query, kNow + 500) == "\1\2"s);
  CHECK(decided(f, wire::Reason::new_triplet) == 1);
  CHECK(decided(f, wire::Reason::early) == 1);
  CHECK(decided(f, wire::Reason::passed) == 1);
  CHECK(decided(f, wire::Reason::known) == 1);
}

TEST_CASE("without it the same questions are deferred") {
  Fixture f(Policy{});
  const Asker asker("127.0.0.1", f.port);
  const std::string plain = "I192.0.2.1\0Fa@x.org\0Tb@y.net\0"s, query = plain + "\0"s;
  CHECK(f.answer(asker, query, kNow) == "\0\1"s);
  CHECK(f.logged().find("dry-run") == std::string::npos);
  CHECK(f.answer(asker, plain + "W\0Qtag\0\0"s, kNow + 100) == "\0\2\0\0\0\xc8tag"s);
}
