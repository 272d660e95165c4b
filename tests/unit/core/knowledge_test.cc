// What several know together: any order, any duplication, any split in two.
#include "greyd/core/knowledge.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

using namespace grey;
using rules::Stored;

namespace {

constexpr Seconds kNow = 1'700'000'000;
constexpr Seconds kMinute = 60;
const Terms kTerms;
constexpr Seconds kWindow = 12 * 60 * 60;

TripletKnowledge waits_since(Seconds age) {
  return {kNow - age, kNow - age, 0, 0};
}
Stored waiting(Seconds age) {
  return RecordState{RecordClass::waiting, kNow - age, 0};
}
Stored stored_now(const TripletKnowledge& known, Seconds forgotten = 0) {
  return meaning(known, forgotten, kTerms, kNow);
}

}  // namespace

TEST_CASE("of two first attempts the earlier counts, and one that came when it was stale instead") {
  CHECK(stored_now(join(waits_since(60), waits_since(300))) == waiting(300));
  CHECK(stored_now(join(waits_since(300), waits_since(60))) == waiting(300));
  CHECK(stored_now(join(waits_since(kWindow + 60), waits_since(60))) == waiting(60));
  CHECK(stored_now(join(waits_since(kWindow + 59), waits_since(60))) == waiting(kWindow + 59));
}

TEST_CASE("a first attempt by a clock that is ahead has not happened, and ends no wait") {
  const TripletKnowledge ahead = waits_since(-2 * kWindow);
  CHECK(stored_now(ahead) == Stored());
  CHECK(stored_now(join(waits_since(300), ahead)) == waiting(300));
  // Some seconds are what clocks differ by.
  CHECK(stored_now(waits_since(-30)) == waiting(-30));
}

TEST_CASE("what else a clock that is ahead has stamped was seen just now, and no later") {
  const Seconds ahead = kNow + kMostAhead + 1, near = kNow + kMostAhead;
  const auto of = [](RecordClass record_class, Seconds seen, unsigned passes = 0) {
    return Stored(RecordState{record_class, seen, std::uint8_t(passes)});
  };
  CHECK(stored_now({0, 0, ahead, 0}) == of(RecordClass::passed, kNow));
  CHECK(stored_now({0, 0, near, 0}) == of(RecordClass::passed, near));
  CHECK(stored_now({0, 0, 0, UINT32_MAX}) == of(RecordClass::bounce, kNow));
  CHECK(sent_meaning({0, 0, ahead, 0}, 0, kTerms, kNow) == of(RecordClass::sent, kNow));
  CHECK(meaning(ClientKnowledge{ahead, 3}, 0, kTerms, kNow) == of(RecordClass::client, kNow, 3));
  CHECK(meaning(ClientKnowledge{near, 3}, 0, kTerms, kNow) == of(RecordClass::client, near, 3));
  // Nor for longer than another is.
  const auto stored = meaning(ClientKnowledge{UINT32_MAX, 3}, 0, kTerms, kNow);
  REQUIRE(stored);
  CHECK(rules::is_over(*stored, kTerms, kNow + kTerms.timeout));
}

TEST_CASE("what has passed stands before what waits, for as long as it counts") {
  const TripletKnowledge passed{0, 0, kNow - kMinute, 0};
  CHECK(stored_now(join(passed, waits_since(600))) ==
        RecordState{RecordClass::passed, kNow - kMinute, 0});
  CHECK(stored_now(join(passed, waits_since(10))) ==
        RecordState{RecordClass::passed, kNow - kMinute, 0});
  const TripletKnowledge long_ago{0, 0, kNow - kTerms.timeout, 0};
  CHECK(stored_now(join(long_ago, waits_since(10))) == waiting(10));
  CHECK(stored_now(long_ago) == Stored());
}

TEST_CASE("what waited before a bounce was accepted has ended with it") {
  const TripletKnowledge bounced{0, 0, 0, kNow - kBounceLife};
  CHECK(stored_now(join(bounced, waits_since(kBounceLife + 400))) == Stored());
  CHECK(stored_now(join(bounced, waits_since(400))) == waiting(400));
}

TEST_CASE("what is stamped no later than it was forgotten is dead, whoever brings it back") {
  CHECK(stored_now(waits_since(600), kNow - 600) == Stored());
  CHECK(stored_now(waits_since(600), kNow - 601) == waiting(600));
  CHECK(stored_now(join(waits_since(600), waits_since(60)), kNow - 100) == waiting(60));
  CHECK(stored_now({0, 0, kNow - 50, 0}, kNow - 50) == Stored());
  CHECK(meaning(ClientKnowledge{kNow - 50, 3}, kNow - 50, kTerms, kNow) == Stored());
  CHECK(meaning(ClientKnowledge{kNow - 50, 3}, kNow - 51, kTerms, kNow) ==
        RecordState{RecordClass::client, kNow - 50, 3});
}

TEST_CASE("of a client the last time and the most passes count") {
  const ClientKnowledge a{kNow - 100, 3}, b{kNow - 5, 1};
  CHECK(meaning(join(a, b), 0, kTerms, kNow) == RecordState{RecordClass::client, kNow - 5, 3});
  CHECK(client_knowledge({RecordClass::client, kNow - kTerms.timeout, 9}, kTerms, kNow) ==
        ClientKnowledge());
}

TEST_CASE("a record is what it knows") {
  for (const RecordState record : {RecordState{RecordClass::waiting, kNow - 10, 0},
                                   RecordState{RecordClass::passed, kNow - 9, 0},
                                   RecordState{RecordClass::bounce, kNow - 8, 0}}) {
    CHECK(meaning(triplet_knowledge(record, kTerms, kNow), 0, kTerms, kNow) == record);
  }
  const RecordState client{RecordClass::client, kNow - 10, 255};
  CHECK(meaning(client_knowledge(client, kTerms, kNow), 0, kTerms, kNow) == client);
}

namespace {

// Anything that daemons may have seen of one triplet.
TripletKnowledge random_knowledge(std::mt19937& random) {
  const auto at = [&] { return kNow - Seconds(random() % (9 * 24 * 3600)); };
  switch (random() % 4) {
    case 0:
      return {0, 0, at(), 0};
    case 1:
      return {0, 0, 0, at()};
    default:
      const Seconds first = at();
      return {first, first, 0, 0};
  }
}

TripletKnowledge joined(const std::vector<TripletKnowledge>& all, std::size_t from, std::size_t to,
                        std::mt19937& random) {
  if (to - from == 0) return {};
  if (to - from == 1) return all[from];
  const std::size_t middle = from + 1 + random() % (to - from - 1);
  return join(joined(all, from, middle, random), joined(all, middle, to, random));
}

}  // namespace

TEST_CASE("in any order, with any repetition and any split, what is known together is the same") {
  for (unsigned seed = 0; seed < 3000; ++seed) {
    std::mt19937 random(seed);
    std::vector<TripletKnowledge> all(1 + random() % 6);
    for (TripletKnowledge& known : all) known = random_knowledge(random);
    const TripletKnowledge once = joined(all, 0, all.size(), random);
    std::vector<TripletKnowledge> again = all;
    for (int more = int(random() % 6); more > 0; --more)
      again.push_back(all[random() % all.size()]);
    again.push_back({});
    std::shuffle(again.begin(), again.end(), random);
    CHECK(joined(again, 0, again.size(), random) == once);
    CHECK(join(once, once) == once);
    // And so is what it means, whenever something was forgotten.
    const Seconds forgotten = random() % 2 == 0 ? 0 : kNow - Seconds(random() % 700'000);
    CHECK(stored_now(joined(again, 0, again.size(), random), forgotten) ==
          stored_now(once, forgotten));
  }
}

// Who knows all has seen each first attempt that any of them has.
TEST_CASE("a first attempt that counts was one, and none that is known makes it older") {
  for (unsigned seed = 0; seed < 3000; ++seed) {
    std::mt19937 random(seed);
    std::vector<Seconds> attempts(1 + random() % 5);
    for (Seconds& attempt : attempts) attempt = kNow - Seconds(random() % (40 * 3600));
    TripletKnowledge known;
    for (const Seconds attempt : attempts) known = join(known, {attempt, attempt, 0, 0});
    const Seconds forgotten = random() % 2 == 0 ? 0 : kNow - Seconds(random() % (40 * 3600));
    std::sort(attempts.begin(), attempts.end());
    // One daemon that saw them all, and was told to forget.
    Seconds first = 0;
    for (const Seconds attempt : attempts) {
      if (attempt <= forgotten) continue;
      if (first == 0 || attempt - first >= kWindow) first = attempt;
    }
    const Stored together = stored_now(known, forgotten);
    if (!together) {
      CHECK(first == 0);
      continue;
    }
    CHECK(std::count(attempts.begin(), attempts.end(), together->seen) > 0);
    CHECK(together->seen > forgotten);
    CHECK(together->seen >= first);
  }
}

TEST_CASE("knowledge as text reads like this, and is read back the same") {
  CHECK(to_text(TripletKnowledge{}).empty());
  CHECK(to_text(TripletKnowledge{17, 17, 0, 0}) == "17");
  CHECK(to_text(TripletKnowledge{17, 19, 0, 0}) == "17:19");
  CHECK(to_text(TripletKnowledge{0, 0, 20, 0}) == "::20");
  CHECK(to_text(TripletKnowledge{17, 17, 0, 21}) == "17:::21");
  CHECK(to_text(ClientKnowledge{17, 3}) == "17:3");
  for (unsigned seed = 0; seed < 2000; ++seed) {
    std::mt19937 random(seed);
    TripletKnowledge known;
    for (int n = int(random() % 4); n > 0; --n) known = join(known, random_knowledge(random));
    CHECK(read_triplet_knowledge(to_text(known)) == known);
    const ClientKnowledge client{Seconds(random()), unsigned(random() % 256)};
    CHECK(read_client_knowledge(to_text(client)) == client);
  }
}

TEST_CASE("what is no knowledge is not taken for some") {
  for (const char* text : {"x", "-1", "+1", "01", "1:", "1:1", "2:1", ":2", "1:2:3:4:5", "1 ", " 1",
                           "4294967296", "::", "1::", "1:::", "1:2:0", "1\n", "1.5"}) {
    CAPTURE(text);
    CHECK_FALSE(read_triplet_knowledge(text));
  }
  for (const char* text : {"x", "1:256", "1:", "1:-1", "1:2:3", "4294967296:1"}) {
    CAPTURE(text);
    CHECK_FALSE(read_client_knowledge(text));
  }
}
