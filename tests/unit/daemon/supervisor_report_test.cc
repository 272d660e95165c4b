// What the daemon tells systemd, in its order, as a supervisor with a real socket reads it.
#include "greyd/supervisor_report.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "greyd/core/greylist.h"
#include "tests/temporary_directory.h"

using namespace grey;
using namespace std::chrono_literals;

namespace {

constexpr Seconds kNow = 1'700'000'000;

struct Fixture {
  Fixture() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string place = directory / "notify";
    std::memcpy(address.sun_path, place.data(), place.size());
    REQUIRE(::bind(systemd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
            0);
    REQUIRE(notice.tell_systemd({place, "10000", std::nullopt}));
  }

  // All that has been told since the last call.
  std::vector<std::string> told() const {
    std::vector<std::string> words;
    char text[512];
    for (ssize_t size = 0; (size = ::recv(systemd.get(), text, sizeof text, 0)) >= 0;) {
      words.emplace_back(text, std::size_t(size));
    }
    return words;
  }
  std::string told_once() const {
    const auto words = told();
    REQUIRE(words.size() == 1);
    return words.front();
  }
  // The loop turns until something is told that begins with this.
  std::string turn_until(const std::string& beginning) {
    const auto end = loop.after(60, [] { FAIL("nothing came"); });
    for (;;) {
      for (const std::string& word : told()) {
        if (word.starts_with(beginning)) return word;
      }
      loop.step();
    }
  }
  void store(int records) {
    for (int i = 0; i < records; ++i) {
      greylist.restore({RecordClass::waiting, kNow, 0, *Ip::parse("192.0.2.1"), "a@x",
                        std::to_string(stored++) + "@y", Change::stored},
                       kNow);
    }
  }

  testing::TemporaryDirectory directory;
  Fd systemd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  SupervisorNotice notice;
  Greylist greylist{Policy{}, 10'000, HashKey{}};
  Counters counters;
  EventLoop loop{[](const std::exception& error) { FAIL(error.what()); }};
  SupervisorReport report{notice, greylist.table(), counters};
  int stored = 0;
};

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE_FIXTURE(Fixture, "from its start to its end systemd is told this, in this order") {
  report.at_work(1s);
  report.lists_read(7);  // at the start: nobody waits for that
  CHECK(told() == Words{"EXTEND_TIMEOUT_USEC=120000000"});
  report.ready(loop);
  CHECK(told_once() ==
        "READY=1\nSTATUS=0 waiting, 0 passed, 0 known clients, 0 bounces; 0 accepted, 0 deferred; "
        "7 list entries");
  CHECK(turn_until("WATCHDOG=1") == "WATCHDOG=1");
  report.reading_lists(5s);
  report.lists_read(8);
  const auto reload = told();
  REQUIRE(reload.size() == 2);
  CHECK(reload[0] == "RELOADING=1\nMONOTONIC_USEC=5000000");
  CHECK(reload[1].starts_with("READY=1\nSTATUS="));
  CHECK(reload[1].ends_with("; 8 list entries"));
  report.stopping();
  report.at_work(2s);  // the time for an end is another than that for a start
  CHECK(told() == Words{"STOPPING=1", "EXTEND_TIMEOUT_USEC=120000000"});
}

TEST_CASE_FIXTURE(Fixture, "before it answers it is not ready, and the watchdog does not begin") {
  report.lists_read(7);
  for (int i = 0; i < 3; ++i) {
    const auto soon = loop.after(0.01, [] {});
    loop.step();
  }
  CHECK(told().empty());
}

TEST_CASE_FIXTURE(Fixture, "the watchdog hears of a loop that turns, and of no other") {
  report.ready(loop);
  turn_until("WATCHDOG=1");
  told();
  ::usleep(50'000);  // several of its times, in which the loop does not turn
  CHECK(told().empty());
  turn_until("WATCHDOG=1");
}

TEST_CASE_FIXTURE(Fixture, "a long start says every five seconds that it goes on") {
  int words = 0;
  for (auto now = 100'000'000us; now < 160'000'000us; now += 100'000us) {
    report.at_work(now);
    words += int(told().size());
  }
  CHECK(words == 12);
}

TEST_CASE_FIXTURE(Fixture, "the status line follows what changes much at once, the rest later") {
  store(50);
  report.ready(loop);
  CHECK(told_once().starts_with("READY=1\nSTATUS=50 waiting, "));
  store(100);
  CHECK(turn_until("STATUS=").starts_with("STATUS=150 waiting, "));
  // What is no longer much: it takes ten seconds from there.
  CHECK(differs_much(standing_of(greylist.table(), counters), {.waiting = 250}));
  CHECK_FALSE(differs_much(standing_of(greylist.table(), counters), {.waiting = 249}));
}

TEST_CASE("much is a tenth of the records, and a hundred of them at least") {
  CHECK_FALSE(differs_much({.waiting = 5000}, {.waiting = 5499}));
  CHECK(differs_much({.waiting = 5000}, {.waiting = 5500}));
  CHECK(differs_much({.waiting = 5000}, {.waiting = 4500}));
  CHECK(differs_much({}, {.passed = 50, .clients = 50}));
  CHECK_FALSE(differs_much({}, {.waiting = 99}));
  // A record that changes its class, or a question, is told with the rest.
  CHECK_FALSE(differs_much({.waiting = 500}, {.passed = 500}));
  CHECK_FALSE(differs_much({}, {.accepted = 100'000}));
}

TEST_CASE_FIXTURE(Fixture, "the status line says which lists are in force, and what is not saved") {
  counters.udp.decided[std::size_t(wire::Reason::new_triplet)] = 3;
  counters.policy.decided[std::size_t(wire::Reason::known)] = 2;
  counters.state.unjournaled = 4;
  report.ready(loop);
  CHECK(told_once().ends_with("; 2 accepted, 3 deferred; 4 changes in memory alone"));
  report.reading_lists(5s);
  report.lists_read(tl::make_unexpected(Error{"/etc/white:3: not an entry: x y"}));
  CHECK(told().back().ends_with("; lists not reloaded: /etc/white:3: not an entry: x y"));
}

TEST_CASE_FIXTURE(Fixture, "two reloads at once are over with the second") {
  report.ready(loop);
  told();
  report.reading_lists(5s);
  report.reading_lists(6s);
  report.lists_read(1);
  CHECK(told() ==
        Words{"RELOADING=1\nMONOTONIC_USEC=5000000", "RELOADING=1\nMONOTONIC_USEC=6000000"});
  report.lists_read(2);
  CHECK(told_once().ends_with("; 2 list entries"));
}

TEST_CASE_FIXTURE(Fixture,
                  "a systemd that is behind with its reading is told again that it is ready") {
  for (int i = 0; i < 10'000; ++i) notice.alive();
  report.ready(loop);
  CHECK(turn_until("READY=1").starts_with("READY=1\nSTATUS=0 waiting"));
}

TEST_CASE_FIXTURE(Fixture, "where nobody asks, the loop has nothing to do for it") {
  SupervisorNotice nobody;
  SupervisorReport unheard(nobody, greylist.table(), counters);
  unheard.at_work(1s);
  unheard.ready(loop);
  unheard.reading_lists(1s);
  unheard.lists_read(1);
  loop.run();  // returns: nothing is watched
  unheard.stopping();
  CHECK(told().empty());
}
