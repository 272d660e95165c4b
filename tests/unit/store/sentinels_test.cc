// Sentinels that are imitations: each says what a test has it say. Real ones:
// sentinels_redis_test.cc.
#include "greyd/store/sentinels.h"

#include <doctest/doctest.h>

#include "tests/unit/store/fake_server.h"
#include "tests/unit/store/loop_rig.h"

using namespace grey;
using namespace grey::testing;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

std::string bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}
std::string place(const std::string& host, const std::string& port) {
  return "*2\r\n" + bulk(host) + bulk(port);
}
std::string message(const std::string& channel, const std::string& payload) {
  return "*3\r\n" + bulk("message") + bulk(channel) + bulk(payload);
}

// Says `answer` to who asks for the master.
FakeServer::Answer naming(std::string answer) {
  return [=](const std::string& received) -> std::string {
    if (received.empty()) return "";
    if (received.find("SUBSCRIBE") != std::string::npos) return "<end>";
    return answer;
  };
}
StoreUrl url(std::initializer_list<const FakeServer*> servers) {
  StoreUrl made;
  made.master = "mail";
  for (const FakeServer* server : servers) made.places.push_back(server->place());
  return made;
}

struct Rig : LoopRig {
  explicit Rig(const StoreUrl& of)
      : sentinels(std::make_unique<Sentinels>(
            loop, resolver, of, "",
            [this](const Sentinels::Word& word) { heard.push_back(to_string(word.master)); })) {}
  std::string find() {
    std::optional<std::string> said;
    sentinels->find([&](const tl::expected<Sentinels::Word, Failure>& word) {
      CHECK_FALSE(said);
      said = word ? to_string(word->master) + " by " + word->by : word.error().text;
    });
    REQUIRE(until([&] { return said.has_value(); }));
    return *said;
  }
  std::vector<std::string> heard;
  std::unique_ptr<Sentinels> sentinels;
};

}  // namespace

TEST_CASE(
    "the first Sentinel that names what can be a master is believed, for as long as it holds") {
  FakeServer gone(naming("<end>")), first(naming(place("10.0.0.1", "6379"))),
      other(naming(place("db2", "7000")));
  Rig rig(url({&gone, &first, &other}));
  CHECK(rig.find() == "10.0.0.1:6379 by " + first.where());
  CHECK(rig.find() == "10.0.0.1:6379 by " + first.where());
  rig.sentinels->doubt();
  CHECK(rig.find() == "db2:7000 by " + other.where());
  rig.sentinels->doubt();
  CHECK(rig.find() == "10.0.0.1:6379 by " + first.where());  // past the one that is gone
}

TEST_CASE("what cannot be a master is no answer") {
  const struct {
    std::string answer;
    const char* reason;
  } kRows[] = {
      {"*-1\r\n", "knows no store 'mail'"},
      {"$-1\r\n", "knows no store 'mail'"},
      {"+OK\r\n", "names no master that can be"},
      {"*0\r\n", "names no master that can be"},
      {"*2\r\n:1\r\n:2\r\n", "names no master that can be"},
      {place("10.0.0.1", "0"), "names no master that can be: 10.0.0.1"},
      {place("10.0.0.1", "65536"), "names no master that can be"},
      {place("10.0.0.1", "6379x"), "names no master that can be"},
      {place("10.0.0.1", ""), "names no master that can be"},
      {place("", "6379"), "names no master that can be"},
      {place("a b\n", "6379"), "names no master that can be: a%20b%0A"},
      {place(std::string(5000, 'a'), "6379"), "names no master that can be: aaa"},
      {"-ERR no\r\n", "ERR no"},
      {"HTTP/1.1 400 Bad Request\r\n\r\n", "not Redis' protocol"},
      {"*2147483647\r\n", "larger than any"},
      {"", "no answer in time"},
  };
  for (const auto& row : kRows) {
    CAPTURE(row.answer);
    FakeServer server(naming(row.answer));
    Rig rig(url({&server}));
    const std::string said = rig.find();
    CHECK_MESSAGE(said.find(server.where() + ": ") == 0, said);
    CHECK_MESSAGE(said.find(row.reason) != std::string::npos, said);
    CHECK(said.size() < 300);
    CHECK(said.find('\n') == std::string::npos);
  }
}

TEST_CASE("of several faults the most telling is told") {
  FakeServer silent(naming("")), ignorant(naming("*-1\r\n")), gone(naming("<end>"));
  Rig rig(url({&silent, &ignorant, &gone}));
  CHECK(rig.find() == "no Sentinel names a master: " + ignorant.where() +
                          ": this Sentinel knows no store 'mail'");
}

TEST_CASE("what is said of other stores, in other forms and on other channels is passed over") {
  std::atomic<bool> speaking = false;
  std::string said;
  for (const char* payload :
       {"other 1.1.1.1 1 2.2.2.2 2", "mail 1.1.1.1 1 2.2.2.2", "mail 1.1.1.1 1 2.2.2.2 2 3", "mail",
        "", "mail 1.1.1.1 1 2.2.2.2 0", "mail 1.1.1.1 1 2.2.2.2 x", "mail 1.1.1.1 1  2",
        "mail 1.1.1.1 1 2.2.2.256 2", "mailx 1.1.1.1 1 2.2.2.2 2"}) {
    said += message("+switch-master", payload);
  }
  said += message("+sdown", "mail 1.1.1.1 1 3.3.3.3 3");
  said += message("+switch-master", "mail 1.1.1.1 1 db2 7000");
  FakeServer server([&](const std::string& received) -> std::string {
    if (received.find("SUBSCRIBE") != std::string::npos) {
      return "*3\r\n" + bulk("subscribe") + bulk("+switch-master") + ":1\r\n";
    }
    if (received.find("PING") != std::string::npos) return "*2\r\n" + bulk("pong") + bulk("");
    return speaking.exchange(false) ? said : "";
  });
  Rig rig(url({&server}));
  REQUIRE(rig.until([&] { return rig.sentinels->listening() == 1; }));
  speaking = true;
  REQUIRE(rig.until([&] { return !rig.heard.empty(); }));
  CHECK(rig.heard == std::vector<std::string>{"db2:7000"});
  CHECK(rig.sentinels->listening() == 1);
}

TEST_CASE("who is listened to and says garbage, nothing or too much is left, and tried again") {
  const std::string endless(1 << 16, 'x');
  const FakeServer::Answer kRows[] = {
      [](const std::string&) { return "*3\r\n:1\r\n:2\r\n:3\r\n"; },
      [&](const std::string&) { return "+" + endless; },
      [](const std::string& received) {
        return received.empty() ? "" : "-ERR unknown command\r\n";
      },
      [](const std::string&) { return "<end>"; },
  };
  for (const FakeServer::Answer& answer : kRows) {
    FakeServer server(answer);
    Rig rig(url({&server}));
    CHECK(rig.until([&] { return server.connections() >= 3; }));
    CHECK(rig.sentinels->listening() == 0);
    CHECK(rig.heard.empty());
  }
}

TEST_CASE("asking may be given up, and the Sentinels destroyed in what they tell") {
  FakeServer first(naming("<end>")), other(naming(place("db2", "7000")));
  Rig rig(url({&first, &other}));
  rig.sentinels->find([](const auto&) { FAIL("told after it was given up"); });
  rig.loop.step();
  rig.sentinels->cancel();
  rig.sentinels->find([](const auto&) { FAIL("told after another has asked"); });
  bool told = false;
  rig.sentinels->find([&](const auto& word) {
    CHECK(word);
    rig.sentinels.reset();
    told = true;
  });
  CHECK(rig.until([&] { return told; }));
  rig.go_on_for(milliseconds(50));
}
