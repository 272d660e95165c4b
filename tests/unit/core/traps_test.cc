// Traps as greylist.lists(5) tells of them: who writes to one waits longer, twice as long each
// time.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "greyd/core/greylist.h"
#include "greyd/core/record_filter.h"
#include "greyd/state/record_text.h"
#include "tests/unit/lists/list_of.h"

using namespace grey;
using wire::Reason;

namespace {

constexpr Seconds kNow = 1'700'000'000;
constexpr Seconds kMinute = 60, kHour = 3600;

struct Fixture {
  explicit Fixture(const Policy& policy = {}, std::size_t most = 10'000)
      : greylist(policy, most, HashKey{}) {
    lists.blacklist = testing::list_of("trap:old.user@here.example\ntrap:@trap.example\n");
  }

  Decided ask(Seconds now, std::string_view client, std::string_view sender,
              std::vector<std::string> recipients) {
    std::string datagram = "I" + std::string(client) + '\0' + "F" + std::string(sender) + '\0';
    for (const std::string& recipient : recipients) datagram += "T" + recipient + '\0';
    wire::Query query;
    REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
    const Decided peeked = greylist.peek(query, lists, now).decision;
    const Decided decided = greylist.decide(query, lists, now);
    CHECK(peeked.reason == decided.reason);
    CHECK(peeked.wait == decided.wait);
    CHECK(peeked.traps == decided.traps);
    return decided;
  }
  // "early 600 2": the reason, the wait, the traps.
  std::string shown(Seconds now, std::string_view client, std::string_view sender,
                    std::string_view recipient) {
    const Decided decided = ask(now, client, sender, {std::string(recipient)});
    std::string text(to_string(decided.reason));
    if (decided.wait) text += " " + std::to_string(*decided.wait);
    if (decided.traps > 0) text += " " + std::to_string(decided.traps);
    return text;
  }
  std::string records() const {
    std::string text;
    greylist.for_each([&](const SavedRecord& record) { append_record(text, record); });
    return text;
  }

  Greylist greylist;
  Lists lists;
};

const std::string kTrap = "old.user@here.example", kUser = "user@here.example";

}  // namespace

TEST_CASE("who writes to a trap waits twice as long, whoever it writes to") {
  Fixture of;  // min resend is 5 minutes
  CHECK(of.shown(kNow, "192.0.2.1", "a@x.example", kUser) == "new 300");
  CHECK(of.shown(kNow + 10, "192.0.2.1", "b@x.example", kTrap) == "new 600 1");
  CHECK(of.shown(kNow + 300, "192.0.2.1", "a@x.example", kUser) == "early 300 1");
  CHECK(of.shown(kNow + 300, "192.0.2.2", "a@x.example", kUser) == "new 300");  // nobody else
  // The second message to one, and the third.
  CHECK(of.shown(kNow + 310, "192.0.2.1", "c@x.example", "any@trap.example") == "new 1200 2");
  CHECK(of.shown(kNow + 400, "192.0.2.1", "d@x.example", kTrap) == "new 2400 3");
  CHECK(of.shown(kNow + 600, "192.0.2.1", "a@x.example", kUser) == "early 1800 3");
  CHECK(of.records().find("T 1700000400 3 192.0.2.1\n") != std::string::npos);
}

TEST_CASE("it passes in the end, and is a client like any then") {
  Fixture of;
  for (Seconds t = 0; t < 20; ++t) {
    of.shown(kNow + t * kMinute, "192.0.2.1", "s" + std::to_string(t) + "@x.example", kTrap);
  }
  // The window is 12 hours: an hour of it is left.
  CHECK(of.shown(kNow + kHour, "192.0.2.1", "s0@x.example", kTrap) == "early 36000 20");
  CHECK(of.shown(kNow + 11 * kHour - 1, "192.0.2.1", "s0@x.example", kTrap) == "early 1 20");
  CHECK(of.shown(kNow + 11 * kHour, "192.0.2.1", "s0@x.example", kTrap) == "passed");
  CHECK(of.shown(kNow + 11 * kHour, "192.0.2.1", "z@x.example", kTrap) == "known");
  CHECK(of.records().find("\nT ") == std::string::npos);
  CHECK(of.records().find("C 1700039600 1 192.0.2.1\n") != std::string::npos);
}

TEST_CASE("a message that is tried again has been written once") {
  Fixture of;
  CHECK(of.shown(kNow, "192.0.2.1", "a@x.example", kTrap) == "new 600 1");
  CHECK(of.shown(kNow + 400, "192.0.2.1", "a@x.example", kTrap) == "early 200 1");
  CHECK(of.shown(kNow + 600, "192.0.2.1", "a@x.example", kTrap) == "passed");

  // Nor do several traps of one message count for more, in one query or in one after another.
  Fixture other;
  CHECK(other.ask(kNow, "192.0.2.1", "a@x.example", {kTrap, "b@trap.example"}).traps == 1);
  CHECK(other.ask(kNow + 1, "192.0.2.1", "a@x.example", {"c@trap.example"}).traps == 1);
  CHECK(other.ask(kNow + 60, "192.0.2.1", "a@x.example", {"d@trap.example"}).traps == 2);
}

TEST_CASE("bounces, whitelisted and known clients, and rules that say off, spring no trap") {
  Fixture of;
  CHECK(of.shown(kNow, "192.0.2.1", "", kTrap) == "new 300");
  of.lists.whitelist = testing::list_of("192.0.2.2\n");
  CHECK(of.shown(kNow, "192.0.2.2", "a@x.example", kTrap) == "whitelisted");
  of.shown(kNow, "192.0.2.3", "a@x.example", kUser);
  CHECK(of.shown(kNow + 300, "192.0.2.3", "a@x.example", kUser) == "passed");
  CHECK(of.shown(kNow + 400, "192.0.2.3", "b@x.example", kTrap) == "known");
  CHECK(of.records().find("T ") == std::string::npos);
}

TEST_CASE("a trap that has been written to is forgotten with its client, and by its time") {
  Fixture of;
  of.shown(kNow, "192.0.2.1", "a@x.example", kTrap);
  CHECK(of.shown(kNow + 7 * 24 * kHour, "192.0.2.1", "b@x.example", kUser) == "new 300");

  Fixture other;
  other.shown(kNow, "192.0.2.1", "a@x.example", kTrap);
  other.shown(kNow, "192.0.2.2", "a@x.example", kTrap);
  Greylist::Walk walk(other.greylist);
  walk.start();
  RecordFilter::Wanted wanted;
  wanted.client = "192.0.2.1";
  wanted.state = "trapped";
  const auto filter = RecordFilter::of(wanted, other.greylist.policy());
  REQUIRE(filter);
  while (
      other.greylist.forget(walk, 10, [&](const SavedRecord& r) { return filter->matches(r); })) {
  }
  CHECK(other.shown(kNow + 60, "192.0.2.1", "a@x.example", kTrap) == "early 240");
  CHECK(other.shown(kNow + 60, "192.0.2.2", "a@x.example", kTrap) == "early 540 1");
}

TEST_CASE("what is saved of it comes back") {
  Fixture of;
  of.shown(kNow, "192.0.2.1", "a@x.example", kTrap);
  of.shown(kNow + 60, "192.0.2.1", "b@x.example", kTrap);
  const std::string text = of.records();
  Fixture again;
  RecordReader reader;
  std::size_t lines = 0;
  for (std::size_t at = 0; at < text.size(); ++lines) {
    const std::size_t end = text.find('\n', at);
    const SavedRecord* const record = reader.read(std::string_view(text).substr(at, end - at));
    REQUIRE(record != nullptr);
    CHECK(again.greylist.restore(*record, kNow + 61));
    at = end + 1;
  }
  CHECK(lines == 3);
  CHECK(reader.read("T 1700000000 0 192.0.2.1") == nullptr);
  CHECK(again.records() == text);
  CHECK(again.shown(kNow + 61, "192.0.2.1", "a@x.example", kUser) == "new 1200 2");
}

TEST_CASE("the longer wait") {
  struct Row {
    Seconds min_resend, window;
    unsigned traps;
    Seconds waits;
  };
  for (const Row& row :
       std::initializer_list<Row>{{300, 12 * kHour, 0, 300},
                                  {300, 12 * kHour, 1, 600},
                                  {300, 12 * kHour, 7, 38400},
                                  {300, 12 * kHour, 8, 39600},
                                  {300, 12 * kHour, 255, 39600},
                                  {0, 12 * kHour, 0, 0},
                                  {0, 12 * kHour, 1, 120},
                                  {300, kHour, 9, 300},
                                  {300, kHour + 400, 9, 400},
                                  {300, 301, 1, 300},
                                  {5, 400 * 24 * kHour, 255, 400 * 24 * kHour - kHour}}) {
    Terms terms;
    terms.min_resend = row.min_resend;
    terms.resend_window = row.window;
    CHECK(rules::behind_traps(terms, row.traps).min_resend == row.waits);
  }
}

TEST_CASE("whoever floods a trap drives out no known client") {
  Fixture of(Policy(), 1000);
  of.shown(kNow, "203.0.113.1", "a@x.example", kUser);
  CHECK(of.shown(kNow + 300, "203.0.113.1", "a@x.example", kUser) == "passed");
  for (int i = 0; i < 20'000; ++i) {
    const std::string client = "10." + std::to_string(i >> 16) + "." +
                               std::to_string((i >> 8) & 255) + "." + std::to_string(i & 255);
    of.greylist.decide(
        [&] {
          static std::string datagram;
          datagram = "I" + client + '\0' + "Fs@x.example" + '\0' + "T" + kTrap + '\0';
          wire::Query query;
          REQUIRE(wire::parse(datagram, query) == wire::Fault::none);
          return query;
        }(),
        of.lists, kNow + 400);
  }
  CHECK(of.shown(kNow + 500, "203.0.113.1", "b@x.example", kUser) == "known");
}

TEST_CASE("without entries of that kind, and for whoever has written to none, all is as it was") {
  std::mt19937 random(20261127);
  const auto pick = [&](int most) { return int(random() % unsigned(most)); };
  Fixture with, without;
  without.lists.blacklist = AddressList();
  Seconds now = kNow;
  for (int i = 0; i < 3000; ++i) {
    now += pick(400);
    const bool caught = pick(3) == 0;  // clients of another network write to traps as well
    const std::string client = (caught ? "198.51.100." : "192.0.2.") + std::to_string(pick(20));
    const std::string sender = std::to_string(pick(5)) + "@x.example";
    const std::string recipient = caught && pick(2) == 0 ? kTrap : std::to_string(pick(3)) + "@h";
    const std::string one = with.shown(now, client, sender, recipient);
    const std::string two = without.shown(now, client, sender, recipient);
    if (!caught) CHECK(one == two);
    // Nobody passes sooner for it.
    if (caught && one.starts_with("passed"))
      CHECK((two == "passed" || two == "known" || two.starts_with("stale")));
  }
}
