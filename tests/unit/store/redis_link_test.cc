// Who is no store, and what a link makes of it. The stores themselves: redis_link_redis_test.cc.
#include "greyd/store/redis_link.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <stdexcept>

#include "greyd/net/background_thread.h"
#include "tests/unit/store/fake_server.h"
#include "tests/unit/store/loop_rig.h"

using namespace grey;
using namespace grey::testing;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

bool says(const Failure& failure, std::string_view text) {
  return failure.text.find(text) != std::string::npos;
}

// An imitation of a server that says `other` to all but the greetings.
FakeServer::Answer imitation(std::string other, std::string version = "7.0.15") {
  return [=](const std::string& received) { return imitation_reply(received, version, other); };
}

// So that a busy machine does not end it.
constexpr LinkLimits kPatientLimits = {5000, 5000, 4096, 4 << 20};

std::string answer_go(const std::string& received) {
  if (received.find("GO") != std::string::npos) return "+GONE\r\n";
  return imitation_reply(received, "7.0.15", "");
}

}  // namespace

TEST_CASE("a link says what it is asked, and answers come in their order") {
  FakeServer server(imitation("$5\r\nhello\r\n"));
  LinkRig rig({}, kPatientLimits);
  CHECK_FALSE(rig.link->ready());
  REQUIRE_FALSE(rig.connect(server.place()));
  CHECK(rig.link->ready());
  CHECK(rig.link->where() == server.where());
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) {
    rig.link->command({"GET", "x"}, [&order, i](const Outcome& outcome) {
      CHECK(outcome->is("hello"));
      order.push_back(i);
    });
  }
  CHECK(order.empty());
  REQUIRE(rig.until([&] { return order.size() == 100; }));
  CHECK(std::is_sorted(order.begin(), order.end()));
  CHECK(rig.lost.empty());
}

TEST_CASE("the forms of an answer") {
  FakeServer server(
      imitation("*6\r\n$-1\r\n:-9223372036854775808\r\n$0\r\n\r\n-ERR in it\r\n*-1\r\n"
                "*2\r\n*0\r\n+OK\r\n"));
  LinkRig rig({}, kPatientLimits);
  REQUIRE_FALSE(rig.connect(server.place()));
  const Outcome outcome = rig.ask({"X"});
  REQUIRE(outcome);
  const std::vector<Reply>& items = outcome->items;
  REQUIRE(items.size() == 6);
  CHECK(items[0].is_nil());
  CHECK(items[1].integer == INT64_MIN);
  CHECK(items[2].is(""));
  CHECK(items[3].kind == Reply::Kind::error);
  CHECK(items[3].text == "ERR in it");
  CHECK(items[4].is_nil());
  CHECK(items[5].items[0].is_array());
  CHECK(items[5].items[1].is("OK"));
}

TEST_CASE("errors are faults by their first word") {
  const struct {
    const char* text;
    Fault fault;
  } kRows[] = {
      {"READONLY You can't write against a read only replica.", Fault::read_only},
      {"LOADING Redis is loading the dataset in memory", Fault::loading},
      {"MASTERDOWN Link with MASTER is down", Fault::master_down},
      {"NOREPLICAS Not enough good replicas to write.", Fault::no_replicas},
      {"MOVED 3999 127.0.0.1:6381", Fault::cluster},
      {"ASK 3999 127.0.0.1:6381", Fault::cluster},
      {"CROSSSLOT Keys in request don't hash to the same slot", Fault::cluster},
      {"NOAUTH Authentication required.", Fault::denied},
      {"NOPERM this user has no permissions", Fault::denied},
      {"OOM command not allowed when used memory > 'maxmemory'.", Fault::full},
      {"MISCONF Errors writing to the AOF file", Fault::full},
      {"BUSY Redis is busy running a script.", Fault::busy},
      {"NOSCRIPT No matching script.", Fault::no_script},
      {"ERR unknown command 'X'", Fault::refused},
      {"READONLYX", Fault::refused},
      {"", Fault::refused},
  };
  for (const auto& row : kRows) {
    CAPTURE(row.text);
    FakeServer server(imitation("-" + std::string(row.text) + "\r\n"));
    LinkRig rig({}, kPatientLimits);
    REQUIRE_FALSE(rig.connect(server.place()));
    const Outcome outcome = rig.ask({"X"});
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().fault == row.fault);
    CHECK(outcome.error().text == server.where() + ": " + row.text);
    CHECK(rig.link->ready());  // what to make of it is another's
  }
}

TEST_CASE("what is no store is refused with its reason, and in bounds") {
  const std::string endless(1 << 16, 'x');
  const struct {
    std::string what;
    FakeServer::Answer answer;
    Fault fault;
    const char* reason;
  } kRows[] = {
      {"says nothing", [](const std::string&) { return ""; }, Fault::timed_out,
       "has not answered within"},
      {"closes at once", [](const std::string&) { return "<end>"; }, Fault::closed, "closed"},
      {"an HTTP server",
       [](const std::string& received) {
         return received.empty() ? "" : "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
       },
       Fault::no_redis, "not Redis' protocol"},
      {"an SMTP server", [](const std::string&) { return "220 mx.example.com ESMTP\r\n"; },
       Fault::no_redis, "not Redis' protocol"},
      {"an echo", [](const std::string& received) { return received; }, Fault::no_redis, "no PONG"},
      {"endless text", [&](const std::string&) { return endless; }, Fault::no_redis,
       "not Redis' protocol"},
      {"a line without end",
       [&, first = true](const std::string&) mutable {
         return (std::exchange(first, false) ? "+" : "") + endless;
       },
       Fault::no_redis, "larger than any"},
      {"a string of a GB",
       [&, first = true](const std::string&) mutable {
         return (std::exchange(first, false) ? "$1073741824\r\n" : "") + endless;
       },
       Fault::no_redis, "larger than any"},
      {"an array of 2^31 - 1", [](const std::string&) { return "*2147483647\r\n"; },
       Fault::no_redis, "larger than any"},
      {"arrays in arrays",
       [](const std::string&) {
         std::string text;
         for (int i = 0; i < 40; ++i) text += "*60000\r\n";
         return text;
       },
       Fault::no_redis, "larger than any"},
      {"many small strings that are much",
       [&, first = true](const std::string&) mutable {
         return (std::exchange(first, false) ? "*60000\r\n" : "") +
                ("$65536\r\n" + endless + "\r\n");
       },
       Fault::no_redis, "larger than any"},
      {"endless answers",
       [](const std::string&) {
         std::string text;
         for (int i = 0; i < 1000; ++i) text += "+PONG\r\n";
         return text;
       },
       Fault::no_redis, ""},
      {"one that takes no more clients",
       [](const std::string&) { return "-ERR max number of clients reached\r\n"; }, Fault::refused,
       "max number of clients"},
      {"one in protected mode",
       [](const std::string&) {
         return "-DENIED Redis is running in protected mode"
                " because\r\n";
       },
       Fault::denied, "protected mode"},
      {"an old one (an imitation)", imitation("+OK\r\n", "6.2.14"), Fault::old_version,
       "Redis 6.2.14 is older than 7.0"},
      {"one without a version (an imitation)", imitation("+OK\r\n", ""), Fault::no_redis,
       "no redis_version"},
  };
  for (const auto& row : kRows) {
    CAPTURE(row.what);
    FakeServer server(row.answer);
    const unsigned patience = row.fault == Fault::timed_out ? 300 : 20'000;
    LinkRig rig({}, {patience, 100, 4096, 4 << 20});
    const std::optional<Failure> failure = rig.connect(server.place());
    REQUIRE(failure);
    CHECK_MESSAGE(failure->fault == row.fault, to_string(failure->fault));
    CHECK_MESSAGE(says(*failure, row.reason), failure->text);
    CHECK_MESSAGE(failure->text.starts_with(server.where() + ": "), failure->text);
    CHECK(failure->text.size() < 300);
    CHECK_FALSE(rig.link->ready());
    CHECK(rig.lost.empty());  // it was never there
  }
}

TEST_CASE("a server of 7.0 or later will do, and so will a Valkey (all imitations)") {
  for (const char* version : {"7.0.0", "7.4.1", "8.0.2", "10.0.0"}) {
    CAPTURE(version);
    FakeServer server(imitation("+OK\r\n", version));
    LinkRig rig({}, kPatientLimits);
    CHECK_FALSE(rig.connect(server.place()));
  }
  FakeServer valkey(imitation("+OK\r\n", "6.0.0\r\nvalkey_version:8.0.1"));
  LinkRig rig({}, kPatientLimits);
  CHECK_FALSE(rig.connect(valkey.place()));
}

TEST_CASE("where nobody listens it is said at once") {
  StorePlace place;
  {
    place = FakeServer([](const std::string&) { return ""; }).place();
  }
  LinkRig rig;
  const std::optional<Failure> failure = rig.connect(place);
  REQUIRE(failure);
  CHECK(failure->fault == Fault::unreachable);
  CHECK(failure->text == to_string(place) + ": Connection refused");
}

TEST_CASE("what is answered without a question ends the link, and not the program") {
  FakeServer server([](const std::string& received) {
    return imitation_reply(received, "7.0.15", "+first\r\n+second\r\n");
  });
  LinkRig rig({}, kPatientLimits);
  REQUIRE_FALSE(rig.connect(server.place()));
  CHECK(rig.ask({"X"})->is("first"));
  REQUIRE(rig.until([&] { return !rig.lost.empty(); }));
  CHECK(rig.lost[0].fault == Fault::no_redis);
  CHECK_FALSE(rig.link->ready());
}

TEST_CASE("each command has its time, and its late answer is nobody else's") {
  std::atomic<bool> answering = false;
  std::atomic<int> held = 0;
  FakeServer server([&](const std::string& received) -> std::string {
    if (received.find("SLOW") != std::string::npos) ++held;
    if (received.find("SLOW") != std::string::npos) return "";
    if (answering && held > 0) {
      --held;
      return "+late\r\n";
    }
    return imitation_reply(received, "7.0.15", "+soon\r\n");
  });
  LinkRig rig({}, {5000, 100, 4096, 4 << 20});
  REQUIRE_FALSE(rig.connect(server.place()));
  const Outcome slow = rig.ask({"SLOW"});
  REQUIRE_FALSE(slow);
  CHECK(slow.error().fault == Fault::timed_out);
  CHECK(rig.link->ready());
  answering = true;
  REQUIRE(rig.until([&] { return held == 0; }));
  std::optional<Outcome> outcome;
  rig.link->command(
      {"X"}, [&](Outcome told) { outcome = std::move(told); }, seconds(30));
  REQUIRE(rig.until([&] { return outcome.has_value(); }));
  REQUIRE(*outcome);
  CHECK((*outcome)->is("soon"));
}

TEST_CASE("calls that are made when others are due do not put those off") {
  FakeServer server(imitation(""));
  LinkRig rig({}, {5000, 50, 4096, 4 << 20});
  REQUIRE_FALSE(rig.connect(server.place()));
  bool told = false;
  const auto ask = [&] { rig.link->command({"X"}, [](const Outcome&) {}); };
  // One of them runs before what is due of the link's.
  const EventLoop::Timer before = rig.loop.every(0.05, ask);
  rig.link->command({"X"}, [&](const Outcome&) { told = true; });
  const EventLoop::Timer after = rig.loop.every(0.05, ask);
  std::this_thread::sleep_for(milliseconds(200));
  CHECK(rig.until([&] { return told; }));
}

// It was stopped, or the disk was slow: the server is not to blame.
TEST_CASE("who comes late itself takes the answers that are there before it gives anything up") {
  FakeServer server(answer_go);
  LinkRig rig({}, {5000, 50, 4096, 4 << 20});
  REQUIRE_FALSE(rig.connect(server.place()));
  std::optional<Outcome> told;
  rig.link->command({"GO"}, [&](Outcome outcome) { told = std::move(outcome); });
  rig.loop.step();  // it is sent
  std::this_thread::sleep_for(milliseconds(300));
  REQUIRE(rig.until([&] { return told.has_value(); }));
  REQUIRE(told->has_value());
  CHECK((*told)->is("GONE"));
}

TEST_CASE("nor does it give up what it has not even sent") {
  FakeServer server(answer_go);
  LinkRig rig({}, {5000, 2000, 4096, 4 << 20});
  REQUIRE_FALSE(rig.connect(server.place()));
  std::optional<Outcome> told;
  rig.link->command({"GO"}, [&](Outcome outcome) { told = std::move(outcome); });
  std::this_thread::sleep_for(milliseconds(4000));
  REQUIRE(rig.until([&] { return told.has_value(); }));
  REQUIRE(told->has_value());
  CHECK((*told)->is("GONE"));
}

TEST_CASE("but of a server that is silent it puts off no end twice, however late it comes") {
  FakeServer server(imitation(""));
  LinkRig rig({}, {5000, 50, 4096, 4 << 20});
  REQUIRE_FALSE(rig.connect(server.place()));
  bool told = false;
  rig.link->command({"X"}, [&](const Outcome&) { told = true; });
  for (int turn = 0; turn < 3 && !told; ++turn) {
    std::this_thread::sleep_for(milliseconds(200));
    rig.loop.step();
  }
  CHECK(told);
}

TEST_CASE("what waits is bounded, and so is what has not been sent") {
  FakeServer server(imitation(""));
  LinkRig rig({}, {5000, 20'000, 8, 1000});
  REQUIRE_FALSE(rig.connect(server.place()));
  std::vector<Fault> faults;
  const auto note = [&](const Outcome& outcome) { faults.push_back(outcome.error().fault); };
  rig.link->command({"X", std::string(2000, 'x')}, note);
  CHECK(faults == std::vector<Fault>{Fault::too_many});
  for (int i = 0; i < 9; ++i) rig.link->command({"X"}, note);
  CHECK(faults == std::vector<Fault>{Fault::too_many, Fault::too_many});
  rig.link->close({Fault::closed, "enough"});
  CHECK(faults.size() == 10);
  CHECK(faults.back() == Fault::closed);
  rig.link->command({"X"}, note);
  CHECK(faults.back() == Fault::down);
  CHECK(rig.lost.empty());  // who closes knows
}

TEST_CASE("when the server goes all who wait are told, and then the owner") {
  FakeServer server([](const std::string& received) -> std::string {
    if (received.find("GO") != std::string::npos) return "<end>";
    return imitation_reply(received, "7.0.15", "");
  });
  LinkRig rig({}, kPatientLimits);
  REQUIRE_FALSE(rig.connect(server.place()));
  std::vector<std::string> told;
  for (int i = 0; i < 3; ++i) {
    rig.link->command({"GO"}, [&](const Outcome& outcome) {
      CHECK(rig.lost.empty());
      CHECK_FALSE(rig.link->ready());
      told.push_back(outcome.error().text);
    });
  }
  REQUIRE(rig.until([&] { return !rig.lost.empty(); }));
  CHECK(told == std::vector<std::string>(3, server.where() + ": it has closed the connection"));
  REQUIRE_FALSE(rig.connect(server.place()));  // it can be used again
  CHECK(rig.lost.size() == 1);
}

TEST_CASE("a callback may ask, close, connect anew and destroy the link") {
  FakeServer server(imitation("+OK\r\n"));
  LinkRig rig({}, kPatientLimits);
  const auto ignore = [](const Outcome&) {};
  int told = 0;
  SUBCASE("ask") {
    REQUIRE_FALSE(rig.connect(server.place()));
    rig.link->command({"X"}, [&](const Outcome&) {
      rig.link->command({"X"}, [&](const Outcome& outcome) { told += outcome ? 1 : 0; });
    });
    CHECK(rig.until([&] { return told == 1; }));
  }
  SUBCASE("close, while others wait, and in what they are told then") {
    REQUIRE_FALSE(rig.connect(server.place()));
    rig.link->command({"X"}, [&](const Outcome&) { rig.link->close(); });
    rig.link->command({"X"}, [&](const Outcome& outcome) {
      CHECK(outcome.error().fault == Fault::gone);
      rig.link->close();
      ++told;
    });
    rig.link->command({"X"}, [&](const Outcome&) { ++told; });
    CHECK(rig.until([&] { return told == 2; }));
  }
  SUBCASE("connect anew in what those who waited are told") {
    REQUIRE_FALSE(rig.connect(server.place()));
    FakeServer other(imitation("+OK\r\n"));
    rig.link->command({"X"}, [&](const Outcome&) {
      rig.link->connect(other.place(),
                        [&](const std::optional<Failure>& why) { told += why ? 0 : 1; });
    });
    CHECK(rig.until([&] { return told == 1; }));
    CHECK(rig.link->where() == other.where());
    CHECK(rig.ask({"X"})->is("OK"));
  }
  SUBCASE("destroy it in an answer, while others wait") {
    REQUIRE_FALSE(rig.connect(server.place()));
    rig.link->command({"X"}, [&](const Outcome&) {
      rig.link.reset();
      ++told;
    });
    rig.link->command({"X"}, [&](const Outcome&) { FAIL("told by what is no more"); });
    CHECK(rig.until([&] { return told == 1; }));
    rig.go_on_for(milliseconds(50));
  }
  SUBCASE("destroy it when it is connected, and when it is not") {
    for (const bool there : {true, false}) {
      LinkRig own({}, kPatientLimits);
      const StorePlace nowhere{"127.0.0.1", 1};
      told = 0;
      own.link->connect(there ? server.place() : nowhere, [&](const std::optional<Failure>&) {
        own.link.reset();
        ++told;
      });
      CHECK(own.until([&] { return told == 1; }));
    }
  }
  SUBCASE("destroy it in what those who waited are told") {
    for (const bool closed_here : {true, false}) {
      FakeServer going([&](const std::string& received) -> std::string {
        if (received.find("GO") != std::string::npos) return "<end>";
        return imitation_reply(received, "7.0.15", "");
      });
      LinkRig own({}, kPatientLimits);
      REQUIRE_FALSE(own.connect(going.place()));
      told = 0;
      for (int i = 0; i < 3; ++i) {
        own.link->command({"GO"}, [&](const Outcome&) {
          own.link.reset();
          ++told;
        });
      }
      if (closed_here) own.link->close();
      CHECK(own.until([&] { return told > 0; }));
      own.go_on_for(milliseconds(50));
      CHECK(told == 1);
      CHECK(own.lost.empty());
    }
  }
  SUBCASE("destroy it when its time is over") {
    FakeServer silent(imitation(""));
    LinkRig own({}, {5000, 20, 4096, 4 << 20});
    REQUIRE_FALSE(own.connect(silent.place()));
    for (int i = 0; i < 3; ++i) {
      own.link->command({"X"}, [&](const Outcome&) {
        own.link.reset();
        ++told;
      });
    }
    CHECK(own.until([&] { return told == 1; }));
    own.go_on_for(milliseconds(50));
    CHECK(told == 1);
  }
  SUBCASE("throw: the others are told, and the loop's handler is") {
    REQUIRE_FALSE(rig.connect(server.place()));
    for (int i = 0; i < 5; ++i) {
      rig.link->command({"X"}, [&](const Outcome&) {
        ++told;
        throw std::runtime_error("of a test");
      });
    }
    CHECK(rig.until([&] { return told == 5; }));
    CHECK(rig.until([&] { return !rig.thrown.empty(); }));
    CHECK(rig.ask({"X"})->is("OK"));
  }
  if (rig.link) rig.link->command({"X"}, ignore);
}

TEST_CASE(
    "a name is looked up in the background, and a name server that is slow costs its time alone") {
  FakeServer server(imitation("+OK\r\n"));
  LoopRig rig;
  BackgroundThread thread(rig.loop);
  std::atomic<int> asked = 0;
  std::atomic<bool> slow = true;
  Resolver resolver(thread, [&](const std::string& host, std::vector<Ip>& addresses) {
    ++asked;
    CHECK(host == "db1");
    while (slow) std::this_thread::sleep_for(milliseconds(5));
    addresses = {*Ip::parse("127.0.0.1")};
    return 0;
  });
  RedisLink link(rig.loop, resolver, store_greetings({}), {100, 100, 4096, 4 << 20}, nullptr);
  std::optional<Failure> why;
  int told = 0;
  const auto connect = [&] {
    link.connect({"db1", server.place().port}, [&](const std::optional<Failure>& failure) {
      why = failure;
      ++told;
    });
  };
  connect();
  CHECK(rig.until([&] { return told == 1; }));
  REQUIRE(why);
  CHECK(why->fault == Fault::unresolved);
  connect();
  CHECK(rig.until([&] { return told == 2; }));
  CHECK(asked == 1);  // one at a time
  slow = false;
  // What is answered late is known to who asks next.
  for (int i = 3; i < 100 && why; ++i) {
    connect();
    REQUIRE(rig.until([&] { return told == i; }));
  }
  CHECK_FALSE(why);
  if (why) MESSAGE(why->text);
  CHECK(asked == 1);
}

TEST_CASE("whatever a server answers, each command ends once") {
  constexpr std::string_view kParts[] = {"+OK\r\n",
                                         ":1\r\n",
                                         "$1\r\nx\r\n",
                                         "*2\r\n",
                                         "-ERR\r\n",
                                         "$-1\r\n",
                                         "\r\n",
                                         "x",
                                         "*-1\r\n",
                                         "*0\r\n",
                                         "$3\r\nab",
                                         "-READONLY x\r\n",
                                         "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n"};
  for (unsigned seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    FakeServer server([&](const std::string& received) -> std::string {
      if (received.find("PING") != std::string::npos)
        return imitation_reply(received, "7.0.15", "");
      if (received.empty()) return random() % 50 == 0 ? "<end>" : "";
      std::string said;
      for (auto i = random() % 30; i > 0; --i) said += kParts[random() % std::size(kParts)];
      return said;
    });
    LinkRig rig({}, {5000, 50, 4096, 4 << 20});
    REQUIRE_FALSE(rig.connect(server.place()));
    std::vector<int> told(30);
    for (std::size_t i = 0; i < told.size(); ++i) {
      rig.link->command({"X"}, [&told, i](const Outcome&) { ++told[i]; });
      if (i % 5 == 0) rig.loop.step();
    }
    CHECK(rig.until([&] { return std::count(told.begin(), told.end(), 1) == 30; }));
    rig.go_on_for(milliseconds(10));
    CHECK(told == std::vector<int>(30, 1));
  }
}

TEST_CASE("a name without an address is said to have none") {
  LoopRig rig;
  Resolver resolver(rig.background, [](const std::string&, std::vector<Ip>&) { return -2; });
  RedisLink link(rig.loop, resolver, {}, {}, nullptr);
  std::optional<Failure> why;
  link.connect({"nowhere.invalid", 6379},
               [&](const std::optional<Failure>& failure) { why = failure; });
  REQUIRE(why);  // at once, as the look-up was
  CHECK(why->fault == Fault::unresolved);
  CHECK(says(*why, "nowhere.invalid: no address: "));
}

TEST_CASE("of a name's addresses the next is tried where one refuses") {
  FakeServer server(imitation("+OK\r\n"));
  LoopRig rig;
  Resolver resolver(rig.background, [](const std::string&, std::vector<Ip>& addresses) {
    addresses = {*Ip::parse("127.0.0.2"), *Ip::parse("::1"), *Ip::parse("127.0.0.1")};
    return 0;
  });
  RedisLink link(rig.loop, resolver, store_greetings({}), kPatientLimits, nullptr);
  bool ready = false;
  link.connect({"db1", server.place().port}, [&](const std::optional<Failure>& why) {
    CHECK_FALSE(why);
    ready = true;
  });
  CHECK(rig.until([&] { return ready; }));
}
