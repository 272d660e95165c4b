// Queries with a key at a real socket: which are answered, and how; and what becomes of the others.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <optional>

#include "greyd/base/background.h"
#include "greyd/fronts/key_keeper.h"
#include "greyd/fronts/udp_front.h"
#include "greyd/service/service.h"
#include "tests/temporary_directory.h"
#include "tests/unit/fronts/udp_asker.h"
#include "tests/unit/wire/signed_query.h"

using namespace grey;
using namespace std::string_literals;
using testing::Asker;
using testing::believed;
using testing::key_of;
using testing::signed_query;
using wire::Fault;

namespace {

constexpr Seconds kNow = 1'700'000'000;
const std::string kTag = "Q0123456789abcdef\0"s;

std::string envelope(const std::string& client = "192.0.2.1") {
  return "I" + client + "\0Fa@x.org\0Tb@y.net\0"s;
}

// Who asks from 127.0.0.1 is on this host, and from 127.0.0.9 is not.
struct Fixture {
  explicit Fixture(RequireKey require = RequireKey::remote, std::uint8_t first = 0) {
    REQUIRE(service.load(kNow, 100).has_value());
    keys.keys[keys.count++] = key_of("mx1", first);
    keys.keys[keys.count++] = key_of("mx2", 100);
    Fd socket = testing::bind_any_port(port);
    UdpSettings settings;
    (void)settings.allow.add("127.0.0.0/8");
    settings.allow.build();
    (void)settings.own.add("127.0.0.1");
    settings.own.build();
    settings.log_decisions = false;
    settings.keys = &keys;
    settings.require_key = require;
    front.emplace(std::move(settings), std::move(socket), service, pipe, *logger, counters);
    own.emplace("127.0.0.1", port);
    remote.emplace("127.0.0.9", port);
  }
  ~Fixture() {
    ::close(log[0]);
    ::close(log[1]);
  }
  std::string ask(const Asker& from, const std::string& datagram, Seconds now = kNow) {
    REQUIRE(from.ask(datagram));
    front->handle(now);
    while (front->pending()) front->handle(now);
    return from.answer();
  }
  Count faults(Fault fault) const { return counters.faults[std::size_t(fault)]; }
  std::string logged() {
    char text[4096];
    const ssize_t size = ::read(log[0], text, sizeof text);
    return size > 0 ? std::string(text, std::size_t(size)) : "";
  }

  Counters all;
  UdpCounters& counters = all.udp;
  testing::TemporaryDirectory directory;
  InlineBackground background;
  Service service{{{}, 100'000, directory / "context", {}, Sync::never},
                  HashKey{},
                  background,
                  [](StateFiles::Level, const std::string&) {},
                  all};
  int log[2] = {-1, -1};
  int made = ::pipe2(log, O_NONBLOCK | O_CLOEXEC);
  LogPipe pipe{log[1]};
  std::shared_ptr<spdlog::logger> logger = make_logger(pipe);
  std::uint16_t port = 0;
  wire::KeyRing keys;
  std::optional<UdpFront> front;
  std::optional<Asker> own, remote;
};

}  // namespace

TEST_CASE("a query with a key is answered under it, with its tag, and the same again") {
  Fixture f;
  const std::string query = signed_query(envelope() + kTag, key_of("mx1"), kNow);
  const std::string answer = f.ask(*f.remote, query);
  CHECK(believed(answer, query, key_of("mx1")) == "\0\1"s + kTag.substr(1, 16));
  CHECK(believed(answer, query, key_of("mx1", 1)) == "");
  CHECK(believed(f.ask(*f.remote, query, kNow + 2), query, key_of("mx1")) ==
        "\0\2"s + kTag.substr(1, 16));
  // The second key is as good, also from this host, and its answer is under it.
  const std::string other = signed_query(envelope("192.0.2.2") + kTag, key_of("mx2", 100), kNow);
  CHECK(believed(f.ask(*f.own, other), other, key_of("mx2", 100)).size() == 18);
  CHECK(f.service.greylist().table().size() == 2);
  CHECK(f.logged() == "");
}

TEST_CASE("the wait stands in an answer under a key as in any") {
  Fixture f;
  const std::string query = signed_query(envelope() + "W\0"s + kTag, key_of("mx1"), kNow);
  CHECK(believed(f.ask(*f.remote, query), query, key_of("mx1")) ==
        "\0\1\0\0\1\x2c"s + kTag.substr(1, 16));
}

TEST_CASE("each query with a bad key's field is refused, counted and logged by its kind") {
  const wire::Key mx1 = key_of("mx1");
  const std::string good = signed_query(envelope(), mx1, kNow);
  const std::string one = good.substr(0, good.size() - 1);
  std::string changed = good;
  changed[5] = '9';
  const struct {
    std::string datagram;
    Fault fault;
    std::string logged;
  } rows[] = {
      {envelope() + "\0"s, Fault::key_missing, "key-missing"},
      {good.substr(0, good.size() - 3), Fault::key_cut, "key-cut"},
      {one + "K\0\0"s, Fault::key_twice, "key-twice"},
      {signed_query(one, mx1, kNow), Fault::key_twice, "key-twice"},
      {one + "Tc@y.net\0\0"s, Fault::key_not_last, "key-not-last"},
      {signed_query(envelope(), key_of("mx3"), kNow), Fault::key_unknown, "key-unknown"},
      {signed_query(envelope(), key_of("mx1", 1), kNow), Fault::key_forged, "key-forged"},
      {changed, Fault::key_forged, "key-forged"},
      // Whose time is of no interest.
      {signed_query(envelope(), key_of("mx1", 1), kNow - 99), Fault::key_forged, "key-forged"},
      {signed_query(envelope(), mx1, kNow - 31), Fault::key_late, "key-late"},
      {signed_query(envelope(), mx1, kNow + 31), Fault::key_early, "key-early"},
  };
  for (const RequireKey require : {RequireKey::remote, RequireKey::always, RequireKey::never}) {
    for (const auto& row : rows) {
      CAPTURE(row.logged);
      if (row.fault == Fault::key_missing && require == RequireKey::never) continue;
      Fixture f(require);
      CHECK(f.ask(*f.remote, row.datagram) == "");
      CHECK(f.faults(row.fault) == 1);
      CHECK(f.service.greylist().table().size() == 0);
      const std::string log = f.logged();
      CHECK(log.find("bad datagram fault=" + row.logged + " source=127.0.0.9@") !=
            std::string::npos);
      CHECK(f.ask(*f.remote, row.datagram) == "");
      CHECK(f.faults(row.fault) == 2);
      CHECK(f.logged() == "");
    }
  }
}

TEST_CASE("by how much a clock is wrong is said") {
  Fixture f;
  f.ask(*f.remote, signed_query(envelope(), key_of("mx1"), kNow - 3600));
  CHECK(f.logged().find(" count=1 behind=3600\n") != std::string::npos);
  f.ask(*f.remote, signed_query(envelope(), key_of("mx1"), kNow + 40));
  CHECK(f.logged().find(" count=1 behind=-40\n") != std::string::npos);
  CHECK(f.ask(*f.remote, signed_query(envelope(), key_of("mx1"), kNow - 30)).size() == 18);
  CHECK(f.ask(*f.remote, signed_query(envelope(), key_of("mx1"), kNow + 30)).size() == 18);
}

TEST_CASE("who is to have a key, and who need not") {
  const struct {
    RequireKey require;
    bool own, remote;  // answered without one
  } rows[] = {{RequireKey::never, true, true},
              {RequireKey::remote, true, false},
              {RequireKey::always, false, false}};
  for (const auto& row : rows) {
    Fixture f(row.require);
    const std::string plain = envelope() + "\0"s;
    CHECK(f.ask(*f.own, plain).size() == (row.own ? 2 : 0));
    CHECK(f.ask(*f.remote, plain).size() == (row.remote ? 2 : 0));
    CHECK(f.faults(Fault::key_missing) == Count(!row.own) + Count(!row.remote));
  }
}

TEST_CASE("a long query with a key waits for its turn as others do, and one without is no burden") {
  Fixture f;
  std::string longest = envelope();
  while (longest.size() < 65'000) longest += "Tuser" + std::to_string(longest.size()) + '\0';
  const std::string query = signed_query(longest + kTag, key_of("mx1"), kNow);
  CHECK(believed(f.ask(*f.remote, query), query, key_of("mx1")).size() == 18);
  REQUIRE(f.remote->ask(longest + "\0"s));
  f.front->handle(kNow);
  CHECK_FALSE(f.front->pending());
  CHECK(f.faults(Fault::key_missing) == 1);
}

TEST_CASE("a key that is taken away ends what is asked under it, and not what has been") {
  Fixture f;
  const std::string query = signed_query(envelope(), key_of("mx1"), kNow);
  CHECK(f.ask(*f.remote, query).size() == 18);
  f.keys.keys[0] = f.keys.keys[1];
  f.keys.count = 1;
  CHECK(f.ask(*f.remote, query) == "");
  CHECK(f.faults(Fault::key_unknown) == 1);
}

TEST_CASE("without keys the field is one that is not known") {
  const NetworkSet everybody = [] {
    NetworkSet set;
    (void)set.add("0.0.0.0/0");
    set.build();
    return set;
  }();
  const Admission admission({everybody, nullptr, RequireKey::always, {}});
  AnswerKey key;
  const Admitted admitted = admission.look_at(
      Ip::from_v4(1), signed_query(envelope(), key_of("mx1"), 0) + "K", kNow, key);
  CHECK(admitted.fault == Fault::none);
  CHECK_FALSE(admitted.is_foreign);
  CHECK_FALSE(key.is_used);
}

TEST_CASE("keys are read again, and what is wrong with them leaves those in force") {
  const testing::TemporaryDirectory directory;
  const std::string file = directory / "keys", digits = "000102030405060708090a0b0c0d0e0f";
  const auto write = [&](const std::string& text, mode_t mode) {
    std::ofstream(file) << text;
    REQUIRE(::chmod(file.c_str(), mode) == 0);
  };
  InlineBackground background;
  KeyKeeper keeper(file, background);
  CHECK(keeper.load().error().text ==
        "cannot read the keys, " + file + ": No such file or directory");
  write("a " + digits + "\n", 0600);
  CHECK(keeper.load().value() == 1);
  std::string said;
  const auto tell = [&](const Result<std::size_t>& outcome) {
    said = outcome ? std::to_string(*outcome) : outcome.error().text;
  };
  write("a " + digits + "\nb " + digits + "\n", 0644);
  keeper.start_check(tell);
  CHECK(said == file + ": anybody may use it: chmod o= it");
  CHECK(keeper.last_error() == "");
  keeper.start_reload(tell);
  CHECK(said == file + ": anybody may use it: chmod o= it");
  CHECK(keeper.last_error() == said);
  CHECK(keeper.keys().count == 1);
  write("a " + digits + "\nb 12\n", 0600);
  keeper.start_reload(tell);
  CHECK(said == file + ":2: the second word is no KEY: 32 hexadecimal digits");
  write("a " + digits + "\nb " + digits + "\n", 0600);
  keeper.start_check(tell);
  CHECK(said == "2");
  CHECK(keeper.keys().count == 1);
  keeper.start_reload(tell);
  CHECK(said == "2");
  CHECK(keeper.last_error() == "");
  CHECK(keeper.keys().find("b") != nullptr);
}
