// Three Sentinels, a master and replicas: all real.
#include <doctest/doctest.h>

#include <map>

#include "greyd/store/sentinels.h"
#include "greyd/store/store_link.h"
#include "tests/unit/store/fake_server.h"
#include "tests/unit/store/loop_rig.h"
#include "tests/unit/store/redis_server.h"

using namespace grey;
using namespace grey::testing;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr LinkLimits kLimits = {2000, 1000, 4096, 4 << 20};

// A master with two replicas and three Sentinels who know each other.
class Cluster {
 public:
  Cluster() {
    const Words of_master = {"--replicaof", "127.0.0.1 " + std::to_string(master.port())};
    for (int i = 0; i < 2; ++i) replicas.push_back(std::make_unique<RedisServer>(of_master));
    for (const auto& replica : replicas) {
      REQUIRE(within(kPatience, [&] {
        return replica->ask({"INFO", "replication"}).text.find("master_link_status:up") !=
               std::string::npos;
      }));
    }
    for (int i = 0; i < 3; ++i)
      sentinels.push_back(std::make_unique<RedisSentinel>("mail", master, 2));
    for (const auto& sentinel : sentinels) {
      REQUIRE(within(kPatience, [&] {
        const std::string text = sentinel->ask({"INFO", "sentinel"}).text;
        return text.find("slaves=2") != std::string::npos &&
               text.find("sentinels=3") != std::string::npos;
      }));
    }
  }
  std::string url() const {
    std::string text = "redis+sentinel://";
    for (const auto& sentinel : sentinels)
      text += (text.ends_with('/') ? "" : ",") + sentinel->where();
    return text + "/mail";
  }
  // Who the Sentinels say it is.
  StorePlace named(std::size_t by = 0) const {
    const Reply reply = sentinels[by]->ask({"SENTINEL", "get-master-addr-by-name", "mail"});
    REQUIRE(reply.items.size() == 2);
    return {reply.items[0].text, std::uint16_t(std::stoi(reply.items[1].text))};
  }

  RedisServer master;
  std::vector<std::unique_ptr<RedisServer>> replicas;
  std::vector<std::unique_ptr<RedisSentinel>> sentinels;
};

StoreSettings settings_of(const std::string& url) {
  StoreSettings settings;
  settings.url = *parse_store_url(url);
  settings.limits = kLimits;
  return settings;
}

}  // namespace

TEST_CASE("a master is killed: its successor is asked within a second of the Sentinels' word") {
  Cluster cluster;
  LoopRig rig;
  std::vector<bool> states;
  StoreLink store(rig.loop, rig.background, settings_of(cluster.url()),
                  [&](bool up) { states.push_back(up); });
  REQUIRE(rig.until([&] { return store.up(); }));
  CHECK(store.status().where.starts_with(cluster.master.where() + ", named by 127.0.0.1:"));
  rig.go_on_for(seconds(2));  // until all are listened to

  cluster.master.kill();
  std::optional<Clock::time_point> decided;  // that any of them says so
  int answered = 0;
  const EventLoop::Timer look = rig.loop.every(0.05, [&] {
    for (std::size_t i = 0; i < 3 && !decided; ++i) {
      if (cluster.named(i) != cluster.master.place()) decided = Clock::now();
    }
    store.plain({"PING"}, [&](const Outcome& outcome) { answered += outcome ? 1 : 0; });
  });
  REQUIRE(rig.until([&] { return !store.up(); }));
  REQUIRE(rig.until([&] { return store.up(); }));
  const Clock::time_point up = Clock::now();
  REQUIRE(rig.until([&] { return decided.has_value(); }));
  const auto late = std::chrono::duration_cast<milliseconds>(up - *decided);
  MESSAGE("up again " << late.count() << " ms after a Sentinel has named the new master");
  CHECK(late < seconds(3));  // generous: the machine may be busy
  CHECK_FALSE(store.status().where.starts_with(cluster.master.where()));
  CHECK(store.counters().switches == 1);
  CHECK(states == std::vector<bool>{true, false, true});
  REQUIRE(rig.until([&] { return answered > 0; }));

  // The old one comes back, is made a replica, and nobody cares.
  cluster.master.start();
  rig.go_on_for(seconds(1));
  CHECK(store.up());
  CHECK(store.counters().switches == 1);
}

TEST_CASE("a fail-over by command is followed by the word alone, with nothing to ask") {
  Cluster cluster;
  LoopRig rig;
  std::vector<StorePlace> heard;
  Sentinels sentinels(rig.loop, rig.resolver, *parse_store_url(cluster.url()), "",
                      [&](const Sentinels::Word& word) { heard.push_back(word.master); });
  REQUIRE(rig.until([&] { return sentinels.listening() == 3; }));
  REQUIRE(cluster.sentinels[0]->ask({"SENTINEL", "FAILOVER", "mail"}).is("OK"));
  REQUIRE(rig.until([&] { return !heard.empty(); }));
  CHECK(heard[0] != cluster.master.place());
  CHECK(within(kPatience, [&] { return cluster.named() == heard[0]; }));

  // One that is killed is listened to again when it is back.
  cluster.sentinels[1]->kill();
  CHECK(rig.until([&] { return sentinels.listening() == 2; }));
  // And one that hangs is noticed.
  cluster.sentinels[2]->hang();
  CHECK(rig.until([&] { return sentinels.listening() == 1; }));
  cluster.sentinels[2]->go_on();
  CHECK(rig.until([&] { return sentinels.listening() == 2; }));
}

TEST_CASE("a Sentinel that asks for a password is given it") {
  RedisServer master({"--requirepass", "secret"});
  RedisSentinel sentinel("mail", master, 1, 60'000);
  REQUIRE(sentinel.ask({"SENTINEL", "SET", "mail", "auth-pass", "secret"}).is("OK"));
  REQUIRE(sentinel.ask({"CONFIG", "GET", "port"}).kind !=
          Reply::Kind::array);  // it has no such command
  REQUIRE(sentinel.ask({"ACL", "SETUSER", "default", "resetpass", ">secret"}).is("OK"));
  LoopRig rig;
  StoreSettings settings = settings_of("redis+sentinel://" + sentinel.where() + "/mail");
  settings.password = "secret";
  StoreLink store(rig.loop, rig.background, settings, nullptr);
  CHECK(rig.until([&] { return store.up(); }));
  settings.password = "wrong";
  StoreLink other(rig.loop, rig.background, settings, nullptr);
  REQUIRE(rig.until([&] { return other.status().breaker_open; }));
  CHECK(other.status().last_fault.find("NOAUTH") != std::string::npos);
}

TEST_CASE("a Sentinel that does not know the store says so in its name") {
  RedisServer master;
  RedisSentinel sentinel("mail", master, 1, 60'000);
  LoopRig rig;
  StoreLink store(rig.loop, rig.background,
                  settings_of("redis+sentinel://" + sentinel.where() + "/mial"), nullptr);
  REQUIRE(rig.until([&] { return store.status().breaker_open; }));
  CHECK(store.status().last_fault == sentinel.where() + ": this Sentinel knows no store 'mial'");
}

TEST_CASE("of Sentinels that hang, lie and talk nonsense the one that is right is found") {
  RedisServer master;
  RedisServer replica({"--replicaof", "127.0.0.1 " + std::to_string(master.port())});
  RedisSentinel right("mail", master, 1, 60'000);
  FakeServer silent([](const std::string&) { return ""; });
  FakeServer garbage([](const std::string&) { return "HTTP/1.1 400 Bad Request\r\n\r\n"; });
  const std::string port = std::to_string(replica.port());
  FakeServer liar([&](const std::string& received) -> std::string {
    if (received.empty()) return "";
    if (received.find("SUBSCRIBE") != std::string::npos) {
      return "*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n";
    }
    if (received.find("PING") != std::string::npos) return "*2\r\n$4\r\npong\r\n$0\r\n\r\n";
    return "*2\r\n$9\r\n127.0.0.1\r\n$" + std::to_string(port.size()) + "\r\n" + port + "\r\n";
  });
  LoopRig rig;
  StoreLink store(rig.loop, rig.background,
                  settings_of("redis+sentinel://" + silent.where() + "," + garbage.where() + "," +
                              liar.where() + "," + right.where() + "/mail"),
                  nullptr);
  REQUIRE(rig.until([&] { return store.up(); }));
  CHECK(store.status().where == master.where() + ", named by " + right.where());
}

TEST_CASE("the store follows the word of one Sentinel, whatever they answer who are asked") {
  RedisServer first, second;
  std::string word;  // said once
  std::mutex mutex;
  const auto bulk = [](const std::string& text) {
    return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
  };
  FakeServer sentinel([&](const std::string& received) -> std::string {
    if (received.find("SUBSCRIBE") != std::string::npos) {
      return "*3\r\n" + bulk("subscribe") + bulk("+switch-master") + ":1\r\n";
    }
    if (received.find("PING") != std::string::npos) {
      const std::lock_guard lock(mutex);
      return "*2\r\n" + bulk("pong") + bulk("") + std::exchange(word, {});
    }
    if (received.find("SENTINEL") == std::string::npos) return "";
    return "*2\r\n" + bulk("127.0.0.1") + bulk(std::to_string(first.port()));
  });
  LoopRig rig;
  std::vector<bool> states;
  StoreLink store(rig.loop, rig.background,
                  settings_of("redis+sentinel://" + sentinel.where() + "/mail"),
                  [&](bool up) { states.push_back(up); });
  REQUIRE(rig.until([&] { return store.up(); }));
  CHECK(store.status().where.starts_with(first.where()));
  const std::string old = std::to_string(first.port()), now = std::to_string(second.port());
  {
    const std::lock_guard lock(mutex);
    const std::string message = "*3\r\n" + bulk("message") + bulk("+switch-master") +
                                bulk("mail 127.0.0.1 " + old + " 127.0.0.1 " + now);
    word = message + message;  // as several Sentinels say the same
  }
  REQUIRE(rig.until([&] { return store.counters().switches > 0 && store.up(); }));
  CHECK(store.status().where == second.where() + ", named by " + sentinel.where());
  CHECK(store.counters().switches == 1);
  CHECK(states == std::vector<bool>{true, false, true});

  // Where that leads to nothing, the Sentinels are asked.
  {
    const std::lock_guard lock(mutex);
    word = "*3\r\n" + bulk("message") + bulk("+switch-master") +
           bulk("mail 127.0.0.1 " + now + " 127.0.0.1 1");
  }
  REQUIRE(rig.until([&] { return store.counters().switches > 2 && store.up(); }));
  CHECK(store.status().where.starts_with(first.where()));
}

TEST_CASE(
    "a Sentinel that names another master all the time does not have the store run to and fro") {
  RedisServer first, second;
  const auto bulk = [](const std::string& text) {
    return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
  };
  const std::string one = std::to_string(first.port()), two = std::to_string(second.port());
  std::string words;
  for (int i = 0; i < 1001; ++i) {
    const bool there = i % 2 == 0;
    words += "*3\r\n" + bulk("message") + bulk("+switch-master") +
             bulk("mail 127.0.0.1 " + (there ? one : two) + " 127.0.0.1 " + (there ? two : one));
  }
  std::mutex mutex;
  FakeServer sentinel([&](const std::string& received) -> std::string {
    const std::lock_guard lock(mutex);
    if (received.find("SUBSCRIBE") != std::string::npos) {
      return "*3\r\n" + bulk("subscribe") + bulk("+switch-master") + ":1\r\n";
    }
    if (received.find("PING") != std::string::npos) {
      return "*2\r\n" + bulk("pong") + bulk("") + std::exchange(words, {});
    }
    if (received.find("SENTINEL") == std::string::npos) return "";
    return "*2\r\n" + bulk("127.0.0.1") + bulk(one);
  });
  LoopRig rig;
  StoreLink store(rig.loop, rig.background,
                  settings_of("redis+sentinel://" + sentinel.where() + "/mail"), [](bool) {});
  REQUIRE(rig.until([&] { return store.up(); }));
  // The first is followed at once, and the last, which says the same, is where it is to stay.
  REQUIRE(rig.until([&] { return store.counters().switches > 0 && store.up(); }));
  CHECK(store.status().where.starts_with(second.where()));
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(1500);
  rig.until(
      [&] { return store.counters().switches > 3 || std::chrono::steady_clock::now() > end; });
  CHECK(store.counters().switches <= 3);
  CHECK(store.status().where.starts_with(second.where()));
}
