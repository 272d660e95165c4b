// The store over real servers, as they fail.
#include <doctest/doctest.h>

#include "greyd/net/background_thread.h"
#include "greyd/store/store_link.h"
#include "tests/unit/store/loop_rig.h"
#include "tests/unit/store/redis_server.h"

using namespace grey;
using namespace grey::testing;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const std::string kScript = "return {redis.call('INCR', KEYS[1]), ARGV[1]}";

struct StoreRig : LoopRig {
  explicit StoreRig(const std::string& url, LinkLimits limits = {2000, 1000, 4096, 4 << 20}) {
    StoreSettings settings;
    settings.url = *parse_store_url(url);
    settings.limits = limits;
    begin(settings);
  }
  explicit StoreRig(const StoreSettings& settings) { begin(settings); }
  void begin(const StoreSettings& settings) {
    store = std::make_unique<StoreLink>(loop, background, settings, [this](bool up) {
      CHECK(store->up() == up);
      states.push_back(up);
    });
  }
  bool comes_up() {
    return until([&] { return store->up(); });
  }
  Outcome wait_for(std::function<void(StoreLink::Done)> ask) {
    std::optional<Outcome> result;
    ask([&](Outcome outcome) {
      CHECK_FALSE(result);
      result = std::move(outcome);
    });
    REQUIRE(until([&] { return result.has_value(); }));
    return *result;
  }
  Outcome eval(const std::string& key = "c:{x}", const std::string& script = kScript) {
    return wait_for(
        [&](StoreLink::Done done) { store->eval(script, {key}, {"word"}, std::move(done)); });
  }
  Outcome plain(const Words& words) {
    return wait_for([&](StoreLink::Done done) { store->plain(words, std::move(done)); });
  }

  std::vector<bool> states;
  std::unique_ptr<StoreLink> store;
};

std::string url(const RedisServer& server) {
  return "redis://" + server.where();
}
std::uint64_t count(const StoreFaults& faults, Fault fault) {
  return faults[std::size_t(fault)];
}

}  // namespace

TEST_CASE("the store comes up, and is asked") {
  RedisServer server;
  StoreRig rig(url(server));
  CHECK_FALSE(rig.store->up());
  CHECK(rig.eval().error().fault == Fault::down);  // at once: nobody has been connected to
  REQUIRE(rig.comes_up());
  CHECK(rig.plain({"SET", "c:{y}", "x"})->is("OK"));
  for (int i = 1; i <= 3; ++i) {
    const Outcome outcome = rig.eval();
    REQUIRE(outcome);
    CHECK(outcome->items[0].integer == i);
    CHECK(outcome->items[1].is("word"));
  }
  const StoreCounters counters = rig.store->counters();
  CHECK(counters.calls == 5);
  CHECK(counters.answered == 4);
  CHECK(count(counters.failures, Fault::down) == 1);
  CHECK(counters.scripts_loaded == 1);
  CHECK(counters.connects == 1);
  const StoreStatus status = rig.store->status();
  CHECK(status.up);
  CHECK(status.where == server.where());
  CHECK(status.last_fault == "");
  CHECK(rig.states == std::vector<bool>{true});
}

TEST_CASE("a script that the server has lost is loaded again, once for all who miss it") {
  RedisServer server;
  StoreRig rig(url(server));
  REQUIRE(rig.comes_up());
  REQUIRE(rig.eval());
  REQUIRE(server.ask({"FLUSHALL"}).is("OK"));
  REQUIRE(server.ask({"SCRIPT", "FLUSH"}).is("OK"));
  int answered = 0;
  for (int i = 0; i < 100; ++i) {
    rig.store->eval(kScript, {"c:{x}"}, {"w"},
                    [&](const Outcome& outcome) { answered += outcome ? 1 : 0; });
  }
  REQUIRE(rig.until([&] { return answered == 100; }));
  CHECK(server.ask({"GET", "c:{x}"}).is("100"));
  CHECK(rig.store->counters().scripts_loaded == 2);
  CHECK(rig.store->up());
  CHECK(rig.store->status().last_fault == "");  // that is no failure of the store's
}

TEST_CASE("a script that is wrong, and one whose server will not run it") {
  RedisServer server;
  StoreRig rig(url(server));
  REQUIRE(rig.comes_up());
  CHECK(rig.eval("c:{x}", "this is no Lua").error().fault == Fault::refused);
  CHECK(rig.eval("c:{x}", "return redis.call('NOSUCH')").error().fault == Fault::refused);
  CHECK(rig.eval());
  CHECK(rig.eval("c:{x}", "return redis.error_reply('NOSCRIPT always')").error().fault ==
        Fault::no_script);  // once more, and no further
  CHECK(rig.store->up());
}

TEST_CASE("three failures in a row are one too many, and an answer in between begins anew") {
  RedisServer server;
  StoreRig rig(url(server));
  REQUIRE(rig.comes_up());
  const auto fail = [&](int times) {
    for (int i = 0; i < times; ++i) {
      CHECK(rig.plain({"NOSUCH"}).error().fault == Fault::refused);
    }
  };
  for (int i = 0; i < 3; ++i) {
    fail(2);
    CHECK(rig.plain({"PING"}));
  }
  CHECK(rig.store->up());
  CHECK(rig.store->counters().opened == 0);
  fail(3);
  CHECK_FALSE(rig.store->up());
  CHECK(rig.store->counters().opened == 1);
  CHECK(rig.comes_up());  // by the next second's probe
}

TEST_CASE("a host's name is looked up in the background, as it is known to this host") {
  RedisServer server;
  LoopRig rig;
  BackgroundThread background(rig.loop);
  StoreSettings settings;
  settings.url = *parse_store_url("redis://localhost:" + std::to_string(server.port()));
  settings.limits = {5000, 1000, 4096, 4 << 20};
  StoreLink store(rig.loop, background, settings, nullptr);
  CHECK(rig.until([&] { return store.up(); }));
  settings.url = *parse_store_url("redis://nowhere.invalid");
  StoreLink nowhere(rig.loop, background, settings, nullptr);
  REQUIRE(rig.until([&] { return !nowhere.status().last_fault.empty(); }));
  CHECK(nowhere.status().last_fault.find("nowhere.invalid") != std::string::npos);
  CHECK(nowhere.counters().connect_failures[std::size_t(Fault::unresolved)] > 0);
}

TEST_CASE("a store that hangs: each call ends in its time, and when the breaker is open at once") {
  RedisServer server;
  StoreRig rig(url(server), {1000, 100, 4096, 4 << 20});
  REQUIRE(rig.comes_up());
  REQUIRE(rig.until([&] { return rig.eval().has_value(); }));
  server.hang();
  const Clock::time_point begin = Clock::now();
  int failed = 0;
  for (int i = 0; i < 100; ++i) {
    rig.store->eval(kScript, {"c:{x}"}, {"w"},
                    [&](const Outcome& outcome) { failed += outcome ? 0 : 1; });
  }
  REQUIRE(rig.until([&] { return failed == 100; }));
  CHECK(since(begin) < seconds(5));
  REQUIRE(rig.until([&] { return !rig.store->up(); }));
  CHECK(rig.store->status().breaker_open);
  CHECK(rig.store->status().last_fault.find(server.where()) == 0);
  bool told = false;
  rig.store->eval(kScript, {"c:{x}"}, {"w"},
                  [&](const Outcome& outcome) { told = outcome.error().fault == Fault::down; });
  CHECK(told);  // before it returned
  REQUIRE(rig.until([&] { return rig.store->counters().probes >= 2; }));
  CHECK_FALSE(rig.store->up());
  server.go_on();
  REQUIRE(rig.comes_up());
  CHECK_FALSE(rig.store->status().breaker_open);
  CHECK(rig.store->counters().opened >= 1);
  CHECK(rig.until([&] { return rig.eval().has_value(); }));
  CHECK(rig.states.back());
}

TEST_CASE("a store that was killed is found again when it is back, empty as it is") {
  RedisServer server;
  StoreRig rig(url(server));
  REQUIRE(rig.comes_up());
  REQUIRE(rig.eval());
  server.kill();
  REQUIRE(rig.until([&] { return !rig.store->up(); }));
  CHECK(rig.until([&] { return rig.store->status().breaker_open; }));
  CHECK(rig.store->status().last_fault == server.where() + ": Connection refused");
  CHECK(rig.eval().error().text == "the store is away: " + server.where() + ": Connection refused");
  server.start();
  const Clock::time_point begin = Clock::now();
  REQUIRE(rig.comes_up());
  CHECK(since(begin) < seconds(10));
  CHECK(rig.eval()->items[0].integer == 1);  // the script was lost, too
  CHECK(rig.states == std::vector<bool>{true, false, true});
  CHECK(rig.store->counters().losses == 1);
}

TEST_CASE("a server that is found again has the same run, and after its start another") {
  RedisServer server;
  StoreRig rig(url(server));
  REQUIRE(rig.comes_up());
  const std::string run = rig.store->server_run();
  CHECK(run.size() == 40);
  std::optional<Outcome> killed;
  rig.store->plain({"CLIENT", "KILL", "SKIPME", "no", "TYPE", "normal"},
                   [&](Outcome outcome) { killed = std::move(outcome); });
  REQUIRE(rig.until([&] { return rig.states.size() == 3; }));
  CHECK(killed);
  CHECK(rig.store->server_run() == run);
  server.kill();
  REQUIRE(rig.until([&] { return !rig.store->up(); }));
  server.start();
  REQUIRE(rig.comes_up());
  CHECK(rig.store->server_run().size() == 40);
  CHECK(rig.store->server_run() != run);
}

TEST_CASE("a server that makes room by what it was told to keep says so each time that it is met") {
  RedisServer server({"--maxmemory-policy", "allkeys-lru"});
  StoreRig rig(url(server));
  REQUIRE(rig.comes_up());
  CHECK(rig.store->status().evicts_by.empty());  // it has no bound
  const auto meets_again = [&](const char* setting, const char* value) {
    REQUIRE(server.ask({"CONFIG", "SET", setting, value}).is("OK"));
    const std::size_t states = rig.states.size();
    rig.store->plain({"CLIENT", "KILL", "SKIPME", "no", "TYPE", "normal"}, [](const Outcome&) {});
    REQUIRE(rig.until([&] { return rig.states.size() == states + 2; }));
    return rig.store->status().evicts_by;
  };
  CHECK(meets_again("maxmemory", "100mb") == "allkeys-lru");
  CHECK(meets_again("maxmemory-policy", "volatile-ttl") == "volatile-ttl");  // all of ours have one
  CHECK(meets_again("maxmemory-policy", "noeviction").empty());
}

TEST_CASE("calls that are under way when the server is killed end, each once") {
  RedisServer server;
  StoreRig rig(url(server));
  REQUIRE(rig.comes_up());
  REQUIRE(rig.eval());
  server.hang();
  std::vector<int> told(500);
  for (int i = 0; i < 500; ++i) {
    rig.store->eval(kScript, {"c:{x}"}, {"w"},
                    [&told, i](const Outcome&) { ++told[std::size_t(i)]; });
  }
  rig.loop.step();
  server.kill();
  REQUIRE(rig.until([&] { return !rig.store->up(); }));
  CHECK(told == std::vector<int>(500, 1));
  const StoreCounters counters = rig.store->counters();
  CHECK(counters.answered == 1);
  std::uint64_t failed = 0;
  for (const std::uint64_t number : counters.failures) failed += number;
  CHECK(counters.calls == counters.answered + failed);
}

TEST_CASE("a store that is full is down, and up when it has room") {
  RedisServer server({"--maxmemory-policy", "noeviction"});
  StoreRig rig(url(server));
  REQUIRE(rig.comes_up());
  REQUIRE(server.ask({"CONFIG", "SET", "maxmemory", "1"}).is("OK"));
  for (int i = 0; i < 3; ++i) CHECK(rig.eval().error().fault == Fault::full);
  CHECK_FALSE(rig.store->up());
  REQUIRE(rig.until([&] { return rig.store->counters().probes >= 2; }));
  CHECK_FALSE(rig.store->up());  // it answers PING, and takes nothing
  CHECK(count(rig.store->counters().connect_failures, Fault::full) >= 1);
  CHECK(rig.store->status().last_fault.find("OOM") != std::string::npos);
  REQUIRE(server.ask({"CONFIG", "SET", "maxmemory", "0"}).is("OK"));
  REQUIRE(rig.comes_up());
  CHECK(rig.eval());
}

TEST_CASE("a master that becomes a replica is left at once, and one call is enough to know") {
  RedisServer server, other;
  StoreRig rig(url(server));
  REQUIRE(rig.comes_up());
  REQUIRE(rig.eval());
  REQUIRE(server.ask({"REPLICAOF", "127.0.0.1", std::to_string(other.port())}).is("OK"));
  CHECK(rig.eval().error().fault == Fault::read_only);
  CHECK_FALSE(rig.store->up());
  REQUIRE(rig.until(
      [&] { return count(rig.store->counters().connect_failures, Fault::not_master) >= 2; }));
  CHECK(rig.store->status().last_fault.find("a replica") != std::string::npos);
  REQUIRE(server.ask({"REPLICAOF", "NO", "ONE"}).is("OK"));
  REQUIRE(rig.comes_up());
  CHECK(rig.eval());
}

TEST_CASE("a wrong password keeps it down, with the reason, and a right one is enough") {
  RedisServer server({"--requirepass", "right"});
  StoreSettings settings;
  settings.url = *parse_store_url(url(server));
  settings.limits = {2000, 1000, 4096, 4 << 20};
  settings.password = "wrong";
  StoreRig rig(settings);
  REQUIRE(rig.until([&] { return rig.store->status().breaker_open; }));
  CHECK(rig.store->status().last_fault.find("WRONGPASS") != std::string::npos);
  CHECK(rig.states.empty());
  settings.password = "right";
  StoreRig good(settings);
  CHECK(good.comes_up());
}

TEST_CASE("a user who may only what a store needs is enough") {
  RedisServer server;
  REQUIRE(
      server
          .ask({"ACL", "SETUSER", "grey", "on", ">secret", "~c:*", "~g:*", "~p:*", "+ping", "+role",
                "+info", "+select", "+client|setname", "+set", "+incr", "+evalsha", "+script|load"})
          .is("OK"));
  StoreSettings settings;
  settings.url = *parse_store_url("redis://grey@" + server.where() + "/1");
  settings.limits = {2000, 1000, 4096, 4 << 20};
  settings.password = "secret";
  StoreRig rig(settings);
  REQUIRE(rig.comes_up());
  CHECK(rig.eval());
  CHECK(rig.eval("other").error().fault == Fault::denied);
}

TEST_CASE("close tells all who wait, and whoever asks later") {
  RedisServer server;
  StoreRig rig(url(server));
  REQUIRE(rig.comes_up());
  server.hang();
  std::vector<Fault> told;
  const auto note = [&](const Outcome& outcome) { told.push_back(outcome.error().fault); };
  for (int i = 0; i < 3; ++i) rig.store->eval(kScript, {"c:{x}"}, {"w"}, note);
  rig.store->plain({"PING"}, note);
  rig.store->close();
  CHECK(told == std::vector<Fault>(4, Fault::gone));
  rig.store->plain({"PING"}, note);
  CHECK(told.back() == Fault::down);
  CHECK_FALSE(rig.store->up());
  server.go_on();
  rig.go_on_for(milliseconds(1500));
  CHECK(rig.states == std::vector<bool>{true});
}

TEST_CASE("the store may be destroyed in whatever it calls, and tells nobody then") {
  RedisServer server;
  StoreRig rig(url(server));
  int told = 0;
  const auto end = [&](const Outcome&) {
    rig.store.reset();
    ++told;
  };
  const auto never = [](const Outcome&) { FAIL("told by what is no more"); };
  SUBCASE("in an answer") {
    REQUIRE(rig.comes_up());
    rig.store->plain({"PING"}, end);
    rig.store->plain({"PING"}, never);
    rig.store->eval(kScript, {"c:{x}"}, {"w"}, never);
    CHECK(rig.until([&] { return told == 1; }));
  }
  SUBCASE("in a script's answer, while others wait for the same script") {
    REQUIRE(rig.comes_up());
    rig.store->eval("no Lua", {"c:{x}"}, {"w"}, end);
    rig.store->eval("no Lua", {"c:{x}"}, {"w"}, never);
    CHECK(rig.until([&] { return told == 1; }));
  }
  SUBCASE("when the server goes, while others wait") {
    REQUIRE(rig.comes_up());
    server.hang();
    rig.store->plain({"PING"}, end);
    rig.store->plain({"PING"}, never);
    rig.store->eval(kScript, {"c:{x}"}, {"w"}, never);
    server.kill();
    CHECK(rig.until([&] { return told == 1; }));
  }
  SUBCASE("when it comes up and when it goes") {
    for (const bool wanted : {true, false}) {
      LoopRig own;
      StoreSettings settings;
      settings.url = *parse_store_url(url(server));
      settings.limits = {2000, 1000, 4096, 4 << 20};
      std::unique_ptr<StoreLink> store;
      bool gone = false;
      store = std::make_unique<StoreLink>(own.loop, own.background, settings, [&, wanted](bool up) {
        if (up != wanted) return server.kill();
        store.reset();
        gone = true;
      });
      CHECK(own.until([&] { return gone; }));
      own.go_on_for(milliseconds(30));
    }
  }
  rig.go_on_for(milliseconds(30));
}

TEST_CASE("a probe that the operator's server refuses says why it does not come up") {
  RedisServer server({"--min-replicas-to-write", "1"});
  StoreRig rig(url(server));
  REQUIRE(rig.until([&] { return rig.store->status().breaker_open; }));
  CHECK(rig.store->status().last_fault.find("NOREPLICAS") != std::string::npos);
  CHECK(rig.states.empty());
}
