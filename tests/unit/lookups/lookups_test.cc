// The helper's end of the socket is the test's.
#include "greyd/lookups/lookups.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <map>
#include <string>
#include <vector>

namespace grey {
namespace {

constexpr Seconds kNow = 1'700'000'000;
const Ip kClient = *Ip::parse("198.51.100.0");

struct Fixture {
  Fixture() {
    int sockets[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sockets) == 0);
    helper = Fd(sockets[1]);
    lookups.emplace(
        loop, Fd(sockets[0]), Lookups::Clocks{[this] { return now; }, [this] { return steady; }},
        [this](const std::string& text) { said.push_back(text); }, counters,
        NetworkCache::Bounds{1000, 1 << 20});
    lookups->tell_learned([this](std::string_view domain, const NetworkSet& networks) {
      learned[std::string(domain)] = networks.contains(*Ip::parse("192.0.2.1"));
    });
  }

  void say(const std::string& text) {
    REQUIRE(::send(helper.get(), text.data(), text.size(), MSG_NOSIGNAL) == ssize_t(text.size()));
    loop.step();
  }
  // What it is asked, without "Q ".
  std::vector<std::string> asked() {
    std::vector<std::string> all;
    char text[1000];
    ssize_t size = 0;
    while ((size = ::recv(helper.get(), text, sizeof text, 0)) > 0) {
      REQUIRE(std::string(text, 2) == "Q ");
      all.emplace_back(text + 2, std::size_t(size) - 2);
    }
    return all;
  }

  Seconds now = kNow, steady = 1000;
  EventLoop loop{[](const std::exception&) { FAIL("an exception"); }};
  LookupCounters counters;
  Fd helper;
  std::vector<std::string> said;
  std::map<std::string, bool> learned;
  std::optional<Lookups> lookups;
};

TEST_CASE("who wants a domain's networks is told of them when they are known") {
  Fixture f;
  CHECK(f.lookups->find("example.com", kNow) == nullptr);
  f.lookups->want("example.com", kNow, kClient);
  CHECK(f.asked().empty());  // nobody is there yet
  f.say("U");
  CHECK(f.asked() == std::vector<std::string>{"1 example.com"});
  f.lookups->want("Example.COM", kNow, kClient);
  CHECK(f.asked().empty());  // it is being asked for
  f.say("A 1 example.com whole 3600 192.0.2.0/24");
  CHECK(f.learned == std::map<std::string, bool>{{"example.com", true}});
  const NetworkSet* const networks = f.lookups->find("example.com", kNow);
  REQUIRE(networks != nullptr);
  CHECK(networks->contains(*Ip::parse("192.0.2.1")));
  f.lookups->want("example.com", kNow, kClient);
  CHECK(f.asked().empty());  // it is known
  CHECK(f.lookups->find("example.com", kNow + 3600) == nullptr);
  f.lookups->want("example.com", kNow + 3600, kClient);
  CHECK(f.asked() == std::vector<std::string>{"2 example.com"});
}

TEST_CASE("a temporary failure is told to nobody but who asks for what becomes of it") {
  Fixture f;
  f.say("U");
  std::vector<spf::Ended> ended;
  f.lookups->tell_ended(
      [&](const std::string&, const spf::Flattened& of, Seconds) { ended.push_back(of.ended); });
  f.lookups->want("example.com", kNow, kClient);
  f.say("A 1 example.com temporary 600");
  CHECK(f.learned.empty());
  CHECK(ended == std::vector{spf::Ended::temporary});
  f.lookups->want("example.com", kNow + 1, kClient);
  CHECK(f.asked().size() == 1);  // not again at once
  f.lookups->want_first("example.com");
  f.say("A 2 example.com no-record 600");
  CHECK(f.learned == std::map<std::string, bool>{{"example.com", false}});
  CHECK(f.counters.answered[std::size_t(spf::Ended::no_record)] == 1);
}

TEST_CASE("what is no domain is passed over, whoever sends it") {
  Fixture f;
  f.say("U");
  for (const std::string& name :
       {std::string(), std::string("nodot"), std::string("a..b"), std::string("a b.c"),
        std::string("x\0y.z", 5), std::string("[192.0.2.1]"), std::string(70'000, 'x')}) {
    f.lookups->want(name, kNow, kClient);
  }
  CHECK(f.asked().empty());
  CHECK(f.counters.refused == 0);
}

TEST_CASE("few are asked for at once, some wait, and the others are refused and counted") {
  Fixture f;
  f.say("U");
  for (std::size_t i = 0; i < 100'000; ++i) {
    f.lookups->want("d" + std::to_string(i) + ".example", kNow, kClient);
  }
  CHECK(f.asked().size() == Lookups::kMostAsked);
  CHECK(f.lookups->standing().waiting == Lookups::kMostWaiting);
  CHECK(f.counters.refused == 100'000 - Lookups::kMostAsked - Lookups::kMostWaiting);
  f.lookups->want_first("listed.example");
  f.say("A 5 d4.example whole 600");
  CHECK(f.asked() == std::vector<std::string>{"33 listed.example"});  // before others
}

TEST_CASE("domains that one client has brought do not push out what others have") {
  Fixture f;
  f.say("U");
  const auto learn = [&](const std::string& domain, const Ip& by) {
    f.lookups->want(domain, kNow, by);
    const auto asked = f.asked();
    REQUIRE(asked.size() == 1);
    f.say("A " + asked[0] + " whole 600 192.0.2.0/24");
  };
  learn("other.example", *Ip::parse("203.0.113.0"));
  for (int i = 0; i < 3000; ++i) learn("d" + std::to_string(i) + ".example", kClient);
  CHECK(f.counters.evicted == 3001 - 1000);
  CHECK(f.lookups->find("other.example", kNow) != nullptr);
  CHECK(f.lookups->find("d2999.example", kNow) != nullptr);
  CHECK(f.lookups->find("d0.example", kNow) == nullptr);
}

TEST_CASE("what is no answer to a question that is open changes nothing, and is counted") {
  Fixture f;
  f.say("U");
  f.lookups->want("example.com", kNow, kClient);
  for (const char* text :
       {"A 2 example.com whole 600 192.0.2.1/32", "A 1 example.org whole 600 192.0.2.1/32",
        "A 1 example.com whole 600 0.0.0.0/0", "nonsense", "U", "T what",
        "A 1 example.com whole"}) {
    f.say(text);
  }
  CHECK(f.counters.bad == 7);
  CHECK(f.learned.empty());
  f.say("A 1 example.com whole 600");
  CHECK(f.learned.size() == 1);
  f.say("A 1 example.com whole 600 192.0.2.1/32");  // twice
  CHECK(f.counters.bad == 8);
  CHECK_FALSE(f.lookups->find("example.com", kNow)->contains(*Ip::parse("192.0.2.1")));
}

TEST_CASE("who says too much of that is not listened to any more") {
  Fixture f;
  f.say("U");
  f.lookups->want("example.com", kNow, kClient);
  for (int i = 0; i < 100; ++i) {
    if (::send(f.helper.get(), "x", 1, MSG_NOSIGNAL) != 1) break;
  }
  for (int i = 0; i < 10; ++i) f.loop.step();
  CHECK(f.said ==
        std::vector<std::string>{
            "look-ups: its helper says what makes no sense: nothing is learned until a restart"});
  CHECK_FALSE(f.lookups->standing().up);
  f.lookups->want("example.org", kNow, kClient);
  CHECK(f.counters.refused == 1);
  CHECK(f.counters.lost == 1);
}

TEST_CASE("a helper that dies loses what it was asked, and the next is asked anew") {
  Fixture f;
  f.say("U");
  f.lookups->want("one.example", kNow, kClient);
  CHECK(f.asked().size() == 1);
  f.say("D 9");
  CHECK(f.said == std::vector<std::string>{
                      "look-ups: its helper has ended by signal 9, and is started anew"});
  CHECK(f.counters.lost == 1);
  f.lookups->want("two.example", kNow, kClient);
  CHECK(f.asked().empty());
  f.say("U");
  CHECK(f.counters.restarts == 1);
  CHECK(f.asked() == std::vector<std::string>{"2 two.example"});
  f.say("A 1 one.example whole 600");  // of the first one's
  CHECK(f.counters.bad == 1);
  f.say("D 256");
  f.say("T cannot use /etc/resolv.conf");
  CHECK(f.lookups->standing().trouble == "cannot use /etc/resolv.conf");
}

TEST_CASE("who is not answered in time, or does not even come to be asked, is told so") {
  Fixture f;
  std::vector<spf::Ended> told;
  const auto tell = [&](const spf::Flattened& of) { told.push_back(of.ended); };
  f.lookups->ask("waits.example", tell);
  f.steady += Lookups::kMostWait + 1;
  while (told.empty()) f.loop.step();
  CHECK(f.counters.refused == 1);
  f.say("U");
  CHECK(f.asked().empty());
  f.lookups->ask("hangs.example", tell);
  CHECK(f.asked() == std::vector<std::string>{"1 hangs.example"});
  f.steady += Lookups::kTime + 1;
  while (told.size() < 2) f.loop.step();
  CHECK(f.counters.timed_out == 1);
  CHECK(told == std::vector{spf::Ended::temporary, spf::Ended::temporary});
  f.say("A 1 hangs.example whole 600");
  CHECK(f.counters.bad == 1);
}

TEST_CASE("a spawner that goes is the end of it, and nobody waits") {
  Fixture f;
  f.say("U");
  std::vector<spf::Ended> told;
  const auto tell = [&](const spf::Flattened& of) { told.push_back(of.ended); };
  f.lookups->ask("one.example", tell);
  f.lookups->ask("one.example", tell);
  f.helper.reset();
  f.loop.step();
  CHECK(told == std::vector{spf::Ended::temporary, spf::Ended::temporary});
  CHECK(f.said.size() == 1);
  f.lookups->ask("two.example", tell);
  f.lookups->ask("nodot", tell);
  CHECK(told.size() == 4);
  CHECK(told.back() == spf::Ended::not_a_domain);
}

}  // namespace
}  // namespace grey
