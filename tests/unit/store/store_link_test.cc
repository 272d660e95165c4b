// The way to a store that lets itself be found, and then is none.
#include "greyd/store/store_link.h"

#include <doctest/doctest.h>

#include <atomic>
#include <list>

#include "tests/unit/store/fake_server.h"
#include "tests/unit/store/loop_rig.h"

using namespace grey;
using namespace grey::testing;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

namespace {

const std::string kSha = "$40\r\n" + std::string(40, 'a') + "\r\n";

// Greets, and takes a probe, as a store does; what it says to scripts is the test's.
std::string answer(const std::string& received, const std::string& to_load,
                   const std::string& to_run) {
  if (received.find("EVALSHA") != std::string::npos) return to_run;
  if (received.find("SCRIPT") != std::string::npos) return to_load;
  return imitation_reply(received, "7.2.0", "+OK\r\n");
}

// Asked as soon as it is up, as a daemon does.
struct Asked {
  Asked(LoopRig& rig, const StorePlace& place) {
    StoreSettings settings;
    settings.url.places = {place};
    settings.limits = {2000, 1000, 4096, 4 << 20};
    link = std::make_unique<StoreLink>(rig.loop, rig.background, settings, [this](bool up) {
      if (up) ask();
    });
  }
  void ask() {
    link->eval("return 1", {"c:{x}"}, {},
               [this](const Outcome& outcome) { answers += outcome ? 1 : 0; });
  }
  int answers = 0;
  std::unique_ptr<StoreLink> link;
};

}  // namespace

TEST_CASE("what comes up, and goes as soon as it is asked, is tried once a second") {
  struct Way {
    std::string to_load, to_run;
  };
  std::list<Way> ways;
  for (const char* said : {
           "<end>",
           "-MOVED 1 127.0.0.1:1\r\n",
           "-READONLY You can't write against a read only replica.\r\n",
           "-LOADING Redis is loading the dataset in memory\r\n",
           "-NOPERM this user has no permissions to run the command\r\n",
           "HTTP/1.1 400 Bad Request\r\n\r\n",
       }) {
    ways.push_back({said, said});
    ways.push_back({kSha, said});
  }
  ways.push_back({"+no hash\r\n", ":1\r\n"});
  LoopRig rig;
  std::list<FakeServer> servers;
  std::list<Asked> all;
  const Clock::time_point begin = Clock::now();
  for (const Way& way : ways) {
    servers.emplace_back([&way](const std::string& received) {
      return received.empty() ? std::string() : answer(received, way.to_load, way.to_run);
    });
    all.emplace_back(rig, servers.back().place());
  }
  // One second lies between each two of three at least.
  std::size_t third = 0;
  REQUIRE(rig.until([&] {
    third = 0;
    for (const FakeServer& server : servers) third += server.connections() >= 3 ? 1 : 0;
    return third > 0;
  }));
  CHECK(Clock::now() - begin > milliseconds(1900));
  REQUIRE(rig.until([&] {
    for (const FakeServer& server : servers) {
      if (server.connections() < 3) return false;
    }
    return true;
  }));
  auto server = servers.begin();
  for (const Asked& asked : all) {
    CAPTURE(server->where());
    const StoreStatus status = asked.link->status();
    CHECK_FALSE(status.steady);
    CHECK(status.last_fault.find(server->where()) == 0);
    CHECK(asked.link->counters().losses >= 2);
    CHECK(asked.answers == 0);
    ++server;
  }
}

TEST_CASE("it is steady again when it has answered, and lasted") {
  std::atomic<bool> mended = false;
  FakeServer server([&](const std::string& received) {
    return received.empty() ? std::string() : answer(received, kSha, mended ? ":1\r\n" : "<end>");
  });
  LoopRig rig;
  Asked asked(rig, server.place());
  REQUIRE(rig.until([&] { return asked.link->counters().losses > 0; }));
  CHECK_FALSE(asked.link->status().steady);
  mended = true;
  REQUIRE(rig.until([&] { return asked.answers > 0; }));
  CHECK(asked.link->up());  // it is used at once
  CHECK(rig.until([&] { return asked.link->status().steady; }));
  CHECK(asked.link->counters().losses < 4);
}
