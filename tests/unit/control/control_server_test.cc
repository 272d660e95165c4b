// The control socket from its other end, with a real service behind it, step by step.
#include "greyd/control/control_server.h"

#include <doctest/doctest.h>
#include <spdlog/sinks/null_sink.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tests/temporary_directory.h"
#include "tests/unit/late_background.h"
#include "tests/unit/net/stream_peer.h"

using namespace grey;
using nlohmann::json;
using testing::Peer;

namespace {

constexpr Seconds kNow = 1'700'000'000;

struct Fixture {
  Fixture() {
    ServiceSettings settings;
    settings.context_file = directory / "context";
    service.emplace(
        settings, HashKey{}, background, [](auto, const auto&) {}, counters);
    REQUIRE(service->load(kNow, 100));
    commands.emplace(DaemonFacts{}, *service, counters,
                     Upkeeping{.save = [&](Upkeeping::Done done) { saver = std::move(done); },
                               .expire = [](Upkeeping::Done done) { done(3); },
                               .reload = [](Upkeeping::Done done) { done(failure("white:1")); }});
    auto listener = Listener::open({path, {}}, 0600);
    REQUIRE(listener);
    server.emplace(std::move(*listener), *commands, *service, logger, counters.control);
  }
  void serve(int turns = 200) {
    while (turns-- > 0) server->handle(kNow);
  }
  std::string say(Peer& peer, const std::string& text) {
    peer.send(text);
    serve();
    return peer.received();
  }
  wire::Reason decide(const std::string& client, const std::string& sender = "a@x") {
    const std::string datagram = "I" + client + '\0' + "F" + sender + '\0' + "Tb@y" + '\0';
    wire::Query query;
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    wire::Reason reason{};
    service->decide({&query, 1}, kNow,
                    [&](std::size_t, const Decided& decision) { reason = decision.reason; });
    return reason;
  }

  testing::TemporaryDirectory directory;
  std::string path = directory / "control";
  testing::LateBackground background;
  Counters counters;
  spdlog::logger logger{"test", std::make_shared<spdlog::sinks::null_sink_mt>()};
  Upkeeping::Done saver;
  std::optional<Service> service;
  std::optional<Commands> commands;
  std::optional<ControlServer> server;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a request is a line, and so is its answer") {
  Peer peer(path);
  CHECK(say(peer, "{\"command\":\"expire\"}\n") == "{\"done\":true,\"expired\":3}\n");
  CHECK(say(peer, "{\"command\":") == "");
  CHECK(say(peer, "\"entries\"}\n\n") == "{\"done\":true,\"count\":0}\n");
  CHECK(say(peer, "{\"command\":\"reload\"}\n") == "{\"error\":\"white:1\",\"exit_code\":111}\n");
}

TEST_CASE_FIXTURE(Fixture, "requests that come together are answered in their order") {
  decide("192.0.2.1");
  Peer peer(path);
  const std::string answers =
      say(peer, "{\"command\":\"save\"}\n{\"command\":\"list\"}\n{\"command\":\"expire\"}\n");
  CHECK(answers == "");
  saver(7);
  serve();
  CHECK(peer.received() ==
        "{\"done\":true,\"records\":7}\n"
        "{\"state\":\"waiting\",\"client\":\"192.0.2.1\",\"sender\":\"a@x\",\"recipient\":\"b@y\","
        "\"first_seen\":1700000000}\n"
        "{\"done\":true,\"count\":1,\"more\":false}\n"
        "{\"done\":true,\"expired\":3}\n");
}

TEST_CASE_FIXTURE(Fixture, "who sends no more is answered still, and then it is over") {
  Peer peer(path);
  peer.send("{\"command\":\"save\"}\n{\"command\":\"expire\"}");
  peer.half_close();
  serve();
  CHECK(peer.received() == "");
  saver(7);
  serve();
  CHECK(peer.received() == "{\"done\":true,\"records\":7}\n{\"done\":true,\"expired\":3}\n|");
  CHECK(server->fd() >= 0);
}

TEST_CASE_FIXTURE(Fixture, "an answer that comes when nobody is there any more is no harm") {
  std::optional<Peer> peer(path);
  say(*peer, "{\"command\":\"save\"}\n");
  peer.reset();
  serve();
  saver(7);
  serve();
  say(peer.emplace(path), "{\"command\":\"save\"}\n");
  server.reset();
  saver(8);  // nor when the server has gone
}

TEST_CASE_FIXTURE(Fixture, "what is allowed is on the disk, in force and then told") {
  Peer peer(path);
  CHECK(say(peer, "{\"command\":\"allow\",\"entry\":\"192.0.2.0/24\",\"for\":60}\n") == "");
  CHECK(decide("192.0.2.1") == wire::Reason::new_triplet);
  background.drain();
  serve();
  CHECK(peer.received() ==
        "{\"done\":true,\"entry\":\"192.0.2.0/24\",\"since\":1700000000,"
        "\"until\":1700000060,\"by\":\"uid:" +
            std::to_string(::getuid()) + "\",\"blocked_by\":[]}\n");
  CHECK(decide("192.0.2.1") == wire::Reason::whitelisted);
  service->look_at_clocks(kNow + 60, 160);
  CHECK(decide("192.0.2.1") == wire::Reason::early);
}

TEST_CASE_FIXTURE(Fixture, "a watcher sees what it asked for, as it is decided") {
  Peer peer(path), other(path);
  CHECK(say(peer, "{\"command\":\"watch\",\"sender\":\"*@x\"}\n") ==
        "{\"watching\":true,\"now\":1700000000}\n");
  decide("192.0.2.1");
  decide("192.0.2.1", "a@other");
  decide("192.0.2.1");
  serve();
  CHECK(peer.received() ==
        "{\"time\":1700000000,\"verdict\":\"defer\",\"reason\":\"new\",\"wait\":300,\"age\":0,"
        "\"suspect\":[\"no-name\"],"
        "\"client\":\"192.0.2.1\",\"sender\":\"a@x\",\"recipients\":[\"b@y\"]}\n"
        "{\"time\":1700000000,\"verdict\":\"defer\",\"reason\":\"early\",\"wait\":300,\"age\":0,"
        "\"suspect\":[\"no-name\"],"
        "\"client\":\"192.0.2.1\",\"sender\":\"a@x\",\"recipients\":[\"b@y\"]}\n");
  peer.close();
  serve();
  decide("192.0.2.1");  // nobody watches any more
  CHECK(say(other, "{\"command\":\"expire\"}\n") == "{\"done\":true,\"expired\":3}\n");
}

TEST_CASE_FIXTURE(Fixture,
                  "a watcher that does not read loses lines, is told how many, and then goes") {
  Peer peer(path);
  say(peer, "{\"command\":\"watch\"}\n");
  constexpr int kDecisions = 20'000;
  for (int i = 0; i < kDecisions; ++i) decide("192.0.2.1");
  std::string text;
  for (std::string some; !(some = peer.received()).empty(); serve(1)) text += some;
  decide("192.0.2.2");
  serve();
  text += peer.received();
  std::size_t lost = 0, seen = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line); ++seen) {
    lost += json::parse(line).value("lost", std::size_t{0});
  }
  CHECK(lost > 0);
  CHECK(lost + seen - 1 == kDecisions + 1);  // but for the line that tells of them
  for (int i = 0; i < kDecisions; ++i) decide("192.0.2.1");
  for (int tick = 0; tick < 62; ++tick) server->tick(kNow + tick);
  CHECK(counters.control.unfinished == 1);
}

TEST_CASE_FIXTURE(Fixture, "a million records go piece by piece, however the reader takes them") {
  constexpr int kRecords = 20'000;
  for (int i = 0; i < kRecords; ++i) {
    decide("10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256));
  }
  Peer peer(path);
  peer.send("{\"command\":\"list\"}\n{\"command\":\"list\",\"client\":\"192.0.2.1\"}\n");
  std::string text;
  std::size_t most = 0;
  while (text.find("\"count\":0") == std::string::npos) {
    server->handle(kNow);
    const std::string some = peer.received();
    most = std::max(most, some.size());
    text += some;
  }
  CHECK(text.find("\"count\":20000,") != std::string::npos);
  CHECK(most < 256 * 1024);  // each turn
}

TEST_CASE_FIXTURE(Fixture,
                  "so do all entries and all networks of domains, of more than it holds at once") {
  std::string long_text;
  for (int i = 0; i < 140; ++i) long_text += "\xc3\xa9";
  service->entries().change(
      [&](Entries& entries) -> Result<void> {
        for (std::size_t i = 0; i < Entries::kMax; ++i) {
          const std::string sender = "m" + std::to_string(i) + long_text + "@example.org";
          auto put = entries.put({Entry::Kind::block, sender, kNow, {}, "uid:0"});
          if (!put) return put;
        }
        for (int i = 0; i < 1000; ++i) {
          (void)entries.remove("m" + std::to_string(i) + long_text + "@example.org");
          const std::string domain = "spf:d" + std::to_string(i) + ".example";
          auto put = entries.put({Entry::Kind::allow, domain, kNow, {}, "uid:0"});
          if (!put) return put;
        }
        return {};
      },
      [](const auto& done) {
        if (!done) FAIL(done.error().text);
      });
  background.drain();
  spf::Flattened known{spf::Ended::whole, 3600, {}};
  for (std::uint32_t i = 0; i < 300; ++i) known.networks.push_back({Ip::from_v4(i << 9), 120});
  for (int i = 0; i < 1000; ++i) {
    service->take_networks("d" + std::to_string(i) + ".example", known, kNow);
  }
  for (const char* const command : {"entries", "networks"}) {
    CAPTURE(command);
    Peer peer(path);
    peer.send("{\"command\":\"" + std::string(command) + "\"}\n");
    std::string text;
    std::size_t most = 0;
    while (text.find("\"done\"") == std::string::npos) {
      server->handle(kNow);
      const std::string some = peer.received();
      most = std::max(most, some.size());
      text += some;
      REQUIRE(counters.control.out_of_memory == 0);
    }
    CHECK(text.size() > 4 << 20);
    CHECK(most < 256 * 1024);  // each turn
    const bool entries = command == std::string("entries");
    const auto lines = std::size_t(std::count(text.begin(), text.end(), '\n'));
    CHECK(lines == (entries ? Entries::kMax : 1000) + 1);
    CHECK(text.ends_with("{\"done\":true,\"count\":" + std::to_string(lines - 1) + "}\n"));
  }
}

TEST_CASE_FIXTURE(Fixture, "what is forgotten is in the journal when it is told") {
  decide("192.0.2.1");
  decide("192.0.2.2");
  Peer peer(path);
  CHECK(say(peer, "{\"command\":\"forget\",\"client\":\"192.0.2.1\"}\n") ==
        "{\"done\":true,\"forgotten\":1}\n");
  server.reset();
  commands.reset();
  service.reset();  // as a kill would leave it: nothing is saved
  ServiceSettings settings;
  settings.context_file = directory / "context";
  service.emplace(
      settings, HashKey{}, background, [](auto, const auto&) {}, counters);
  REQUIRE(service->load(kNow, 100));
  CHECK(service->greylist().table().size() == 1);
  CHECK(decide("192.0.2.1") == wire::Reason::new_triplet);
}

TEST_CASE_FIXTURE(Fixture, "a request without an end is refused when it has become too long") {
  Peer peer(path);
  std::string text(16'384, 'x');
  for (int i = 0; i < 5; ++i) {
    peer.send_some(text);
    serve();
  }
  CHECK(peer.received() ==
        "{\"error\":\"a request of more than 65536 bytes\",\"exit_code\":100}\n|");
}

TEST_CASE_FIXTURE(Fixture, "totals are told by the hour, and sums of them since the start") {
  Peer peer(path);
  decide("192.0.2.1");
  const std::string answer = say(peer, "{\"command\":\"totals\"}\n");
  const std::string hour = std::to_string(hour_of(kNow));
  CHECK(answer == "{\"hour\":" + hour +
                      ",\"first\":1,\"suspect\":{\"first\":1}}\n{\"done\":true,\"now\":" +
                      std::to_string(kNow) + ",\"from\":" + hour + "}\n");
  CHECK(say(peer, "{\"command\":\"totals\",\"since\":" + std::to_string(kNow + 3600) + "}\n") ==
        "{\"done\":true,\"now\":" + std::to_string(kNow) + ",\"from\":" + hour + "}\n");
  CHECK(say(peer, "{\"command\":\"totals\",\"since\":\"x\"}\n").find("\"error\"") !=
        std::string::npos);
  const json stats = json::parse(say(peer, "{\"command\":\"stats\"}\n"));
  CHECK(stats["counters"]["attempts.first"] == 1);
  CHECK(stats["attempts"]["passed"].size() == stats["attempts"]["bounds"].size() + 1);
}
