// A link to real servers: who is let in, and what they say when they cannot.
#include <doctest/doctest.h>

#include "greyd/store/redis_link.h"
#include "tests/unit/store/loop_rig.h"
#include "tests/unit/store/redis_server.h"

using namespace grey;
using namespace grey::testing;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// So that a busy machine does not end it.
constexpr LinkLimits kPatientLimits = {10'000, 10'000, 4096, 4 << 20};

Login as(const std::string& user, const std::string& password) {
  Login login;
  login.user = user;
  login.password = password;
  return login;
}

void expect(const std::optional<Failure>& failure, Fault fault, const std::string& text) {
  REQUIRE(failure);
  CHECK_MESSAGE(failure->fault == fault, to_string(failure->fault));
  CHECK_MESSAGE(failure->text.find(text) != std::string::npos, failure->text);
  CHECK(failure->text.find('\n') == std::string::npos);
}

}  // namespace

TEST_CASE("a real server is greeted, and answers") {
  RedisServer server;
  Login login;
  login.database = 3;
  login.client_name = "greyd-test";
  LinkRig rig(login, kPatientLimits);
  REQUIRE_FALSE(rig.connect(server.place()));
  CHECK(rig.ask({"SET", "key", std::string("a\0b\r\n", 5)})->is("OK"));
  CHECK(rig.ask({"GET", "key"})->text == std::string("a\0b\r\n", 5));
  CHECK(rig.ask({"GET", "other"})->is_nil());
  CHECK(rig.ask({"INCR", "number"})->integer == 1);
  CHECK(rig.ask({"MGET", "number", "other"})->items.size() == 2);
  CHECK(rig.ask({"CLIENT", "GETNAME"})->is("greyd-test"));
  CHECK(server.ask({"DBSIZE"}).integer == 0);  // of database 0
  const Outcome wrong = rig.ask({"GET"});
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().fault == Fault::refused);
  CHECK(wrong.error().text.starts_with(server.where() + ": ERR wrong number of arguments"));

  login.database = 16;  // it has 0 to 15
  LinkRig other(login, kPatientLimits);
  expect(other.connect(server.place()), Fault::refused, "DB index is out of range");
}

TEST_CASE("many thousand commands in one go are all answered, in their order") {
  RedisServer server;
  LinkRig rig({}, {10'000, 60'000, 50'000, 64 << 20});
  REQUIRE_FALSE(rig.connect(server.place()));
  int answered = 0;
  for (int i = 0; i < 20'000; ++i) {
    rig.link->command({"ECHO", std::to_string(i) + std::string(500, 'x')},
                      [&, i](const Outcome& outcome) {
                        REQUIRE(outcome);
                        if (outcome->text.starts_with(std::to_string(i) + "x") && answered == i)
                          ++answered;
                      });
  }
  CHECK(rig.until([&] { return answered == 20'000; }));
}

TEST_CASE("a password, right, wrong, missing and for nobody") {
  RedisServer server({"--requirepass", "right"});
  const auto connect = [&](const Login& login) {
    return LinkRig(login, kPatientLimits).connect(server.place());
  };
  CHECK_FALSE(connect(as("", "right")));
  CHECK_FALSE(connect(as("default", "right")));
  expect(connect(as("", "wrong")), Fault::denied, "WRONGPASS");
  expect(connect(as("", "")), Fault::denied, "NOAUTH");
  expect(connect(as("nobody", "right")), Fault::denied, "WRONGPASS");
  RedisServer open;
  LinkRig rig(as("", "right"), kPatientLimits);
  expect(rig.connect(open.place()), Fault::denied, "without any password configured");
}

TEST_CASE("a user who may do little is let in where it is enough") {
  RedisServer server;
  const auto user = [&](const Words& rules) {
    Words words = {"ACL", "SETUSER", "grey", "reset", "on", ">secret", "~c:*"};
    words.insert(words.end(), rules.begin(), rules.end());
    REQUIRE(server.ask(words).is("OK"));
  };
  user({"+ping", "+role", "+info", "+get", "+set"});
  LinkRig rig(as("grey", "secret"), kPatientLimits);
  REQUIRE_FALSE(rig.connect(server.place()));  // without CLIENT SETNAME
  CHECK(rig.ask({"SET", "c:1", "x"})->is("OK"));
  CHECK(rig.ask({"SET", "other", "x"}).error().fault == Fault::denied);
  CHECK(rig.ask({"FLUSHALL"}).error().fault == Fault::denied);
  user({"+ping", "+info"});
  expect(rig.connect(server.place()), Fault::denied, "'role'");
  user({"+ping", "+role"});
  expect(rig.connect(server.place()), Fault::denied, "'info'");
}

TEST_CASE("a replica is no store, and one that becomes a replica is read-only") {
  RedisServer master;
  RedisServer replica({"--replicaof", "127.0.0.1 " + std::to_string(master.port())});
  LinkRig rig({}, kPatientLimits);
  expect(
      rig.connect(replica.place()), Fault::not_master,
      "a replica, which takes no writes; its master is 127.0.0.1:" + std::to_string(master.port()));

  REQUIRE_FALSE(rig.connect(master.place()));
  RedisServer other;
  REQUIRE(master.ask({"REPLICAOF", "127.0.0.1", std::to_string(other.port())}).is("OK"));
  CHECK(rig.ask({"SET", "key", "x"}).error().fault == Fault::read_only);
  const Outcome script = rig.ask({"EVAL", "return redis.call('SET', KEYS[1], 'x')", "1", "key"});
  REQUIRE_FALSE(script);
  CHECK(script.error().fault == Fault::read_only);
}

TEST_CASE("a master without replicas that needs some, and a replica that has lost its master") {
  RedisServer master({"--min-replicas-to-write", "1"});
  LinkRig rig({}, kPatientLimits);
  REQUIRE_FALSE(rig.connect(master.place()));
  CHECK(rig.ask({"SET", "key", "x"}).error().fault == Fault::no_replicas);
  CHECK(rig.ask({"EVAL", "return redis.call('SET', KEYS[1], 'x')", "1", "key"}).error().fault ==
        Fault::no_replicas);
  RedisServer other({"--replica-serve-stale-data", "no"});
  REQUIRE_FALSE(rig.connect(other.place()));
  REQUIRE(other.ask({"REPLICAOF", "127.0.0.1", "1"}).is("OK"));
  CHECK(rig.ask({"GET", "key"}).error().fault == Fault::master_down);
}

TEST_CASE("a server that is full says so") {
  RedisServer server({"--maxmemory", "1", "--maxmemory-policy", "noeviction"});
  LinkRig rig({}, kPatientLimits);
  REQUIRE_FALSE(rig.connect(server.place()));
  CHECK(rig.ask({"SET", "key", "x"}).error().fault == Fault::full);
  CHECK(rig.ask({"EVAL", "return redis.call('SET', KEYS[1], 'x')", "1", "key"}).error().fault ==
        Fault::full);
}

TEST_CASE("a node of a cluster is refused, and one that is met all the same says MOVED") {
  const std::string ports[] = {std::to_string(LoopbackSocket().port),
                               std::to_string(LoopbackSocket().port)};
  RedisServer one({"--cluster-enabled", "yes", "--cluster-port", ports[0]});
  RedisServer other({"--cluster-enabled", "yes", "--cluster-port", ports[1]});
  LinkRig rig({}, kPatientLimits);
  expect(rig.connect(one.place()), Fault::cluster,
         "a node of a Redis Cluster, which is not followed");

  LinkRig bare;
  RedisLink link(bare.loop, bare.resolver, {}, kPatientLimits, nullptr);
  bool ready = false;
  link.connect(one.place(), [&](const std::optional<Failure>& why_not) { ready = !why_not; });
  REQUIRE(bare.until([&] { return ready; }));
  std::optional<Outcome> outcome;
  const auto ask = [&] {
    outcome.reset();
    link.command({"GET", "foo"}, [&](Outcome told) { outcome = std::move(told); });  // slot 12182
    REQUIRE(bare.until([&] { return outcome.has_value(); }));
    REQUIRE_FALSE(*outcome);
    CHECK(outcome->error().fault == Fault::cluster);
  };
  ask();
  CHECK(outcome->error().text.find("CLUSTERDOWN") != std::string::npos);
  REQUIRE(one.ask({"CLUSTER", "ADDSLOTSRANGE", "0", "8191"}).is("OK"));
  REQUIRE(other.ask({"CLUSTER", "ADDSLOTSRANGE", "8192", "16383"}).is("OK"));
  REQUIRE(other.ask({"CLUSTER", "SET-CONFIG-EPOCH", "2"}).is("OK"));
  REQUIRE(
      one.ask({"CLUSTER", "MEET", "127.0.0.1", std::to_string(other.port()), ports[1]}).is("OK"));
  REQUIRE(within(kPatience, [&] {
    ask();
    return outcome->error().text.find("MOVED 12182") != std::string::npos;
  }));
}

TEST_CASE("a Sentinel is no store") {
  RedisServer master;
  RedisSentinel sentinel("mail", master, 1);
  LinkRig rig({}, kPatientLimits);
  expect(rig.connect(sentinel.place()), Fault::not_master, "redis+sentinel://");
}

TEST_CASE("a server that loads what it has saved is refused until it has") {
  RedisServer server({"--enable-debug-command", "yes", "--key-load-delay", "50000",
                      "--loading-process-events-interval-bytes", "1024"});
  REQUIRE(server.ask({"DEBUG", "POPULATE", "100000", "key", "100"}).is("OK"));
  RedisClient reloading(server.port());
  std::thread thread([&] { reloading.ask({"DEBUG", "RELOAD"}); });
  LinkRig rig({}, kPatientLimits);
  std::optional<Failure> failure;
  bool seen = false;
  for (int i = 0; i < 200 && !seen; ++i) {
    failure = rig.connect(server.place());
    seen = failure && failure->fault == Fault::loading;
  }
  server.kill();
  thread.join();
  CHECK(seen);
}

TEST_CASE("a server that hangs costs each command its time, and no more") {
  RedisServer server;
  LinkRig rig({}, {10'000, 100, 4096, 4 << 20});
  REQUIRE_FALSE(rig.connect(server.place()));
  server.hang();
  const Clock::time_point begin = Clock::now();
  int timed_out = 0;
  for (int i = 0; i < 50; ++i) {
    rig.link->command({"PING"}, [&](const Outcome& outcome) {
      timed_out += !outcome && outcome.error().fault == Fault::timed_out ? 1 : 0;
    });
  }
  CHECK(rig.until([&] { return timed_out == 50; }));
  CHECK(since(begin) >= milliseconds(95));
  CHECK(since(begin) < seconds(5));

  LinkRig late({}, {200, 100, 4096, 4 << 20});  // the kernel takes the connection, nobody answers
  const Clock::time_point again = Clock::now();
  expect(late.connect(server.place()), Fault::timed_out, "it has not answered within 200 ms");
  CHECK(since(again) < seconds(5));

  server.go_on();
  CHECK(rig.until([&] {
    const Outcome outcome = rig.ask({"ECHO", "mine"});
    if (outcome) CHECK(outcome->is("mine"));
    return outcome.has_value();
  }));
}

TEST_CASE("kill -9 is noticed at once") {
  RedisServer server;
  LinkRig rig({}, kPatientLimits);
  REQUIRE_FALSE(rig.connect(server.place()));
  server.kill();
  REQUIRE(rig.until([&] { return !rig.lost.empty(); }));
  CHECK(rig.lost[0].fault == Fault::closed);
  expect(rig.connect(server.place()), Fault::unreachable, "Connection refused");
  server.start();
  CHECK_FALSE(rig.connect(server.place()));
}
