// What is the same attempt, the same message, or the same triplet once more.
#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "greyd/core/greylist.h"
#include "greyd/core/named_set.h"
#include "greyd/core/recent.h"
#include "greyd/fronts/question_id.h"
#include "greyd/lists/lists.h"

using namespace grey;
using namespace std::string_literals;
using wire::Reason;

namespace {

struct Asked {
  std::string sender = "a@x.org";
  std::vector<std::string> recipients = {"b@y.net"};
  std::uint64_t message = 0, question = 0;
  std::string client = "192.0.2.1";
};

struct Fixture {
  explicit Fixture(const Policy& policy = {}) : greylist(policy, 1000, HashKey{}) {}

  Decided ask(const Asked& asked, Seconds now) {
    std::string datagram = "I" + asked.client + '\0' + "F" + asked.sender + '\0';
    for (const std::string& recipient : asked.recipients) datagram += "T" + recipient + '\0';
    wire::Query query;
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    query.message = asked.message;
    query.question = asked.question;
    return greylist.decide(query, lists, now);
  }
  Reason reason(const Asked& asked, Seconds now) { return ask(asked, now).reason; }

  const Lists lists;
  Greylist greylist;
};

Policy policy_with_passes(unsigned passes) {
  Policy policy;
  policy.client_passes = passes;
  return policy;
}

}  // namespace

TEST_CASE("what is recent is found for its life, and the oldest of too many is let go") {
  Recent<int> recent(100);
  CHECK(recent.find(7, 1000, 60) == nullptr);
  recent.remember(7, 3, 1000);
  REQUIRE(recent.find(7, 1060, 60) != nullptr);
  CHECK(*recent.find(7, 1060, 60) == 3);
  CHECK(recent.find(7, 1061, 60) == nullptr);
  CHECK(recent.find(7, 939, 60) == nullptr);  // the clock was set back
  recent.remember(7, 4, 2000);
  CHECK(*recent.find(7, 2000, 60) == 4);
  for (std::uint64_t id = 1000; id < 1250; ++id) recent.remember(id, 0, 2000);
  for (std::uint64_t id = 1000; id < 1250; ++id) {
    CHECK((recent.find(id, 2000, 60) != nullptr) == (id >= 1150));
  }
}

TEST_CASE("a set of names holds each of them once") {
  NamedSet set;
  for (const std::uint64_t count : {1, 5, 1000, 3}) {
    set.begin(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      CHECK(set.insert(i * 0x9e3779b97f4a7c15u));
      CHECK(!set.insert(i * 0x9e3779b97f4a7c15u));
    }
  }
}

TEST_CASE("a question is the same datagram from the same address and port") {
  const HashKey key{1}, other_key{2};
  const Endpoint source{Ip::from_v4(0xc0000201), 40000};
  const std::string datagram = "I192.0.2.1\0F\0Ta@x\0\0"s, other = "I192.0.2.1\0F\0Tb@x\0\0"s;
  const auto id = question_id(key, source, datagram);
  CHECK(id != 0);
  CHECK(question_id(key, source, datagram) == id);
  CHECK(question_id(key, {source.ip, 40001}, datagram) != id);
  CHECK(question_id(key, {Ip::from_v4(0xc0000202), 40000}, datagram) != id);
  CHECK(question_id(key, source, other) != id);
  CHECK(question_id(other_key, source, datagram) != id);
}

TEST_CASE("a triplet asked about again any number of queries later in the same second is early") {
  for (const RecipientRule rule : {RecipientRule::any, RecipientRule::all}) {
    for (const int between : {0, 1, 253, 254, 255, 256, 509, 510, 65'535}) {
      CAPTURE(between);
      Policy policy;
      policy.recipients = rule;
      Fixture f(policy);
      REQUIRE(f.reason({}, 1000) == Reason::new_triplet);
      for (int i = 0; i < between; ++i) {
        REQUIRE(f.reason({.sender = std::to_string(i) + "@z.org"}, 1000) == Reason::new_triplet);
        if (i >= 600) f.greylist.expire(5'000'000, SIZE_MAX);  // only the number matters
      }
      if (between <= 600)
        CHECK(f.reason({}, 1000) == Reason::early);
      else
        CHECK(f.reason({}, 1000) == Reason::new_triplet);
    }
  }
}

TEST_CASE("a recipient named twice in a query counts once, also where nothing needs to be waited") {
  Policy policy;
  policy.min_resend = 0;
  for (const RecipientRule rule : {RecipientRule::any, RecipientRule::all}) {
    policy.recipients = rule;
    Fixture f(policy);
    CHECK(f.reason({.recipients = {"b@y.net", "B@y.net", "c@y.net", "b@Y.NET"}}, 1000) ==
          Reason::new_triplet);
    CHECK(f.greylist.table().size() == 2);
  }
}

TEST_CASE(
    "copies of one question within a minute are one attempt, though nothing is to be waited") {
  Policy policy;
  policy.min_resend = 0;
  for (const std::string sender : {"a@x.org", ""}) {
    Fixture f(policy);
    CHECK(f.reason({.sender = sender, .question = 5}, 1000) == Reason::new_triplet);
    CHECK(f.reason({.sender = sender, .question = 5}, 1000) == Reason::new_triplet);
    CHECK(f.reason({.sender = sender, .question = 5}, 1059) == Reason::new_triplet);
    CHECK(f.reason({.sender = sender, .question = 6}, 1059) ==
          (sender.empty() ? Reason::bounce : Reason::passed));
  }
  Fixture f(policy);
  REQUIRE(f.reason({.question = 5}, 1000) == Reason::new_triplet);
  CHECK(f.reason({.question = 5}, 1061) == Reason::passed);
}

TEST_CASE("a message that is asked about once for each recipient is one good retry") {
  // Two recipients on their first attempt, then again: on one connection or on two.
  const auto attempt = [](Fixture& f, std::uint64_t message, Seconds now) {
    std::vector<Decided> decisions;
    for (const char* recipient : {"1@y.net", "2@y.net", "3@y.net"}) {
      decisions.push_back(f.ask({.recipients = {recipient}, .message = message}, now));
    }
    return decisions;
  };
  for (const bool told : {true, false}) {
    CAPTURE(told);
    Fixture f(policy_with_passes(2));
    attempt(f, told ? 1 : 0, 1000);
    const auto retried = attempt(f, told ? 2 : 0, 1400);
    CHECK(retried[0].reason == Reason::passed);
    CHECK(!retried[0].again);
    CHECK(retried[1].reason == Reason::passed);
    CHECK(retried[1].again);
    CHECK(retried[2].again);
    CHECK(f.reason({.sender = "other@x.org", .message = 3}, 1400) == Reason::new_triplet);
    // Another message is another one.
    CHECK(f.ask({.sender = "other@x.org", .message = 4}, 1800).again == false);
    CHECK(f.reason({.sender = "third@x.org"}, 1800) == Reason::known);
  }
}

TEST_CASE("two messages of one sender at one moment are two where the front tells them apart") {
  Fixture f(policy_with_passes(2));
  f.ask({.recipients = {"1@y.net"}, .message = 1}, 1000);
  f.ask({.recipients = {"2@y.net"}, .message = 2}, 1000);
  CHECK(f.reason({.recipients = {"1@y.net"}, .message = 3}, 1400) == Reason::passed);
  CHECK(f.reason({.recipients = {"2@y.net"}, .message = 4}, 1400) == Reason::passed);
  CHECK(f.reason({.sender = "new@x.org"}, 1400) == Reason::known);
}

TEST_CASE("an accepted bounce stays good for six hours, then it is new") {
  Fixture f;
  const Asked bounce{.sender = "", .recipients = {"b@y.net", "c@y.net"}};
  REQUIRE(f.reason(bounce, 1000) == Reason::new_triplet);
  CHECK(f.ask(bounce, 1400).age == 400);
  // The server said 451 after its end; each retry passes, and does not make it last.
  for (const Seconds later : {0, 1, 3600, 3 * 3600, 6 * 3600 - 1}) {
    const Decision decision = f.ask(bounce, 1400 + later);
    CHECK(decision.reason == Reason::bounce);
    CHECK(decision.age == later);
    CHECK(decision.again);
  }
  CHECK(f.reason(bounce, 1400 + 6 * 3600) == Reason::new_triplet);
  // It says nothing of the client, nor of other senders.
  CHECK(f.reason({}, 1400) == Reason::new_triplet);
}

TEST_CASE("an accepted bounce outlives a resend window that is shorter") {
  Policy policy;
  policy.resend_window = 600;
  Fixture f(policy);
  REQUIRE(f.reason({.sender = ""}, 1000) == Reason::new_triplet);
  REQUIRE(f.reason({.sender = ""}, 1400) == Reason::bounce);
  CHECK(f.reason({.sender = ""}, 1400 + 7200) == Reason::bounce);
}

TEST_CASE("under the rule all a bounce keeps nothing until it is accepted as a whole") {
  Policy policy;
  policy.recipients = RecipientRule::all;
  Fixture f(policy);
  REQUIRE(f.reason({.sender = "", .recipients = {"b@y.net"}}, 1000) == Reason::new_triplet);
  const Asked both{.sender = "", .recipients = {"b@y.net", "c@y.net"}};
  REQUIRE(f.reason(both, 1400) == Reason::new_triplet);
  CHECK(f.greylist.table().count(RecordClass::bounce) == 0);
  REQUIRE(f.reason(both, 1800) == Reason::bounce);
  CHECK(f.greylist.table().count(RecordClass::bounce) == 2);
  CHECK(f.reason(both, 9000) == Reason::bounce);
}

TEST_CASE(
    "a bounce to several that passed at RCPT is not asked about again at DATA, without names") {
  Fixture f;
  const Asked first{.sender = "", .recipients = {"b@y.net"}, .message = 1};
  REQUIRE(f.reason(first, 1000) == Reason::new_triplet);
  REQUIRE(f.reason({.sender = "", .recipients = {""}, .message = 1}, 1000) == Reason::new_triplet);
  const std::size_t records = f.greylist.table().size();
  REQUIRE(f.reason({.sender = "", .recipients = {"b@y.net"}, .message = 2}, 1310) ==
          Reason::bounce);
  const Decision at_data = f.ask({.sender = "", .recipients = {""}, .message = 2}, 1310);
  CHECK(at_data.reason == Reason::bounce);
  CHECK(at_data.again);
  // The server said 451; so did that of the next attempt.
  for (const std::uint64_t attempt : {3u, 4u}) {
    CHECK(f.reason({.sender = "", .recipients = {"b@y.net"}, .message = attempt}, 5000) ==
          Reason::bounce);
    CHECK(f.reason({.sender = "", .recipients = {""}, .message = attempt}, 5000) == Reason::bounce);
  }
  CHECK(f.greylist.table().size() == records);
  // Another message is asked about.
  CHECK(f.reason({.sender = "", .recipients = {""}, .message = 9, .client = "192.0.2.9"}, 5000) ==
        Reason::new_triplet);
}

TEST_CASE("a message that passed and is refused for now passes again") {
  for (const unsigned passes : {0u, 1u, 3u}) {
    Fixture f(policy_with_passes(passes));
    REQUIRE(f.reason({}, 1000) == Reason::new_triplet);
    REQUIRE(f.reason({}, 1400) == Reason::passed);
    for (const Seconds later : {1, 3600, 86'400, 6 * 86'400}) {
      CHECK(f.reason({}, 1400 + later) == Reason::known);
    }
  }
}
