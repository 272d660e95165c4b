// The rules as a table: what is stored, how old, on which terms; what is decided and what is to be
// stored.
#include "greyd/core/rules.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace grey;
using enum RecordClass;

namespace {

constexpr Seconds kNow = 1'700'000'000;
constexpr Seconds kMinute = 60, kHour = 3600, kDay = 86400;

// "waiting -60" was seen a minute ago, "client*2 +0" now.
std::string shown(const RecordState& record) {
  static const char* const kNames[kRecordClasses] = {"waiting", "bounce", "trapped",
                                                     "passed",  "client", "sent"};
  std::string text = kNames[std::size_t(record.record_class)];
  if (record.record_class == client) text += "*" + std::to_string(record.passes);
  const Seconds since = record.seen - kNow;
  return text + (since < 0 ? " " : " +") + std::to_string(since);
}

std::string shown(const rules::Effect& effect) {
  using Act = rules::Effect::Act;
  switch (effect.act) {
    case Act::leave:
      return "";
    case Act::touch:
      return "; touch " + shown(effect.record);
    case Act::store:
      return "; store " + shown(effect.record);
    case Act::erase:
      return "; erase";
  }
  return "?";
}

// "defer early 60 wait 240; store waiting +0"
std::string shown(const Decision& decision) {
  std::string text(to_string(decision.verdict));
  text.append(" ").append(to_string(decision.reason)) += " " + std::to_string(decision.age);
  if (decision.wait) text += " wait " + std::to_string(*decision.wait);
  if (decision.again) text += " again";
  return text;
}

rules::Stored seen(RecordClass record_class, Seconds age, std::uint8_t passes = 0) {
  return RecordState{record_class, kNow - age, passes};
}

struct TripletRow {
  const char* when;
  rules::Stored stored;
  std::string decided;
};

}  // namespace

TEST_CASE("a triplet is judged by what is stored of it, and by its age") {
  const TripletRow rows[] = {
      {"first attempt", {}, "defer new 0 wait 300; store waiting +0"},
      {"at once", seen(waiting, 0), "defer early 0 wait 300"},
      {"before min resend", seen(waiting, 299), "defer early 299 wait 1"},
      {"at min resend", seen(waiting, 300), "accept passed 300; store passed +0"},
      {"in the window", seen(waiting, 12 * kHour - 1), "accept passed 43199; store passed +0"},
      {"after it", seen(waiting, 12 * kHour), "defer stale 43200 wait 300; store waiting +0"},
      {"late", seen(waiting, 7 * kDay - 1), "defer stale 604799 wait 300; store waiting +0"},
      {"over", seen(waiting, 7 * kDay), "defer new 0 wait 300; store waiting +0"},
      {"passed", seen(passed, 0), "accept known 0"},
      {"passed long ago", seen(passed, 7 * kDay - 1), "accept known 604799; touch passed +0"},
      {"passed too long ago", seen(passed, 7 * kDay), "defer new 0 wait 300; store waiting +0"},
      {"a bounce's", seen(bounce, kHour), "accept known 3600"},
      {"a bounce's, over", seen(bounce, 6 * kHour), "defer new 0 wait 300; store waiting +0"},
      {"the clock was set back", seen(waiting, -kDay), "defer early 0 wait 300; store waiting +0"},
      {"it was, and passed", seen(passed, -kDay), "accept known 0"},
  };
  for (const TripletRow& row : rows) {
    CAPTURE(row.when);
    const auto judged = rules::judge_triplet(row.stored, Terms{}, kNow, Expiry::usual);
    CHECK(shown(judged.decision) + shown(judged.effect) == row.decided);
  }
}

TEST_CASE("a bounce's triplet waits until the query is accepted, and is good for six hours then") {
  const TripletRow rows[] = {
      {"first attempt", {}, "defer new 0 wait 300; store waiting +0"},
      {"before min resend", seen(waiting, 299), "defer early 299 wait 1"},
      {"at min resend", seen(waiting, 300), "accept bounce 300"},
      {"after the window", seen(waiting, 12 * kHour),
       "defer stale 43200 wait 300; store waiting +0"},
      {"accepted", seen(bounce, 6 * kHour - 1), "accept bounce 21599 again"},
      {"over", seen(bounce, 6 * kHour), "defer new 0 wait 300; store waiting +0"},
      {"where the key has no sender", seen(passed, kHour), "accept known 3600; touch passed +0"},
      {"the clock was set back", seen(waiting, -1), "defer early 0 wait 300; store waiting +0"},
  };
  for (const TripletRow& row : rows) {
    CAPTURE(row.when);
    const auto judged = rules::judge_bounce(row.stored, Terms{}, kNow, Expiry::usual);
    CHECK(shown(judged.decision) + shown(judged.effect) == row.decided);
  }
  CHECK(shown(rules::accepted_bounce(seen(waiting, kHour), kNow)) == "; store bounce +0");
  CHECK(shown(rules::accepted_bounce(seen(bounce, kHour), kNow)) == "");  // use does not prolong it
  CHECK(shown(rules::accepted_bounce({}, kNow)) == "");
}

TEST_CASE("under greydaemon's rules a triplet is never marked as passed, nor over by its age") {
  const TripletRow rows[] = {
      {"first attempt", {}, "defer new 0 wait 300; store waiting +0"},
      {"before min resend", seen(waiting, 299), "defer early 299 wait 1"},
      {"at min resend", seen(waiting, 300), "accept passed 300"},
      {"in the window", seen(waiting, 12 * kHour - 1), "accept passed 43199"},
      {"after it", seen(waiting, 12 * kHour), "defer stale 43200 wait 300; store waiting +0"},
      {"long after it", seen(waiting, 60 * kDay), "defer stale 5184000 wait 300; store waiting +0"},
      {"from our own file", seen(passed, kHour), "accept passed 3600"},
      {"the clock was set back", seen(waiting, -kDay), "defer early 0 wait 300; store waiting +0"},
  };
  for (const TripletRow& row : rows) {
    CAPTURE(row.when);
    const auto judged = rules::judge_greydaemon_triplet(row.stored, Terms{}, kNow);
    CHECK(shown(judged.decision) + shown(judged.effect) == row.decided);
  }
}

TEST_CASE("a client is known by its good retries, until it is idle for too long") {
  const struct {
    const char* when;
    unsigned client_passes;
    rules::Stored stored;
    std::string decided, earned;
  } rows[] = {
      {"a stranger", 1, {}, "-", "; store client*1 +0"},
      {"known", 1, seen(client, 60, 1), "accept known 60; touch client*1 +0",
       "; store client*2 +0"},
      {"seen just now", 1, seen(client, 0, 1), "accept known 0", "; store client*2 +0"},
      {"not yet", 3, seen(client, 60, 2), "-", "; store client*3 +0"},
      {"by its third", 3, seen(client, 60, 3), "accept known 60; touch client*3 +0",
       "; store client*4 +0"},
      {"as many as are counted", 1, seen(client, 0, 255), "accept known 0",
       "; store client*255 +0"},
      {"nearly over", 1, seen(client, 7 * kDay - 1, 1), "accept known 604799; touch client*1 +0",
       "; store client*2 +0"},
      {"over", 1, seen(client, 7 * kDay, 9), "-; erase", "; store client*1 +0"},
      {"no client ever is", 0, seen(client, 60, 9), "-", ""},
      {"the clock was set back", 1, seen(client, -kDay, 1), "accept known 0",
       "; store client*2 +86400"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.when);
    Terms terms;
    terms.client_passes = row.client_passes;
    const auto judged = rules::judge_client(row.stored, terms, kNow, Expiry::usual);
    CHECK((judged.known ? shown(*judged.known) : "-") + shown(judged.effect) == row.decided);
    CHECK(shown(rules::earned_pass(row.stored, terms, kNow, Expiry::usual)) == row.earned);
  }
}

TEST_CASE("while the clock is doubtful, what is over counts as if it were not") {
  const auto with_care = [](const rules::Stored& stored) {
    const auto judged = rules::judge_triplet(stored, Terms{}, kNow, Expiry::suspended);
    return shown(judged.decision) + shown(judged.effect);
  };
  CHECK(with_care(seen(passed, 400 * kDay)) == "accept known 34560000; touch passed +0");
  CHECK(with_care(seen(waiting, 400 * kDay)) == "defer stale 34560000 wait 300; store waiting +0");
  const auto judged =
      rules::judge_client(seen(client, 400 * kDay, 1), Terms{}, kNow, Expiry::suspended);
  REQUIRE(judged.known);
  CHECK(judged.effect == rules::Effect{rules::Effect::Act::touch, {client, kNow, 1}});
  CHECK(shown(rules::earned_pass(seen(client, 400 * kDay, 1), Terms{}, kNow, Expiry::suspended)) ==
        "; store client*2 +0");
}

TEST_CASE("terms of its own make the same triplet early here, good there and stale elsewhere") {
  const auto on = [](Seconds min_resend, Seconds resend_window) {
    Terms terms;
    terms.min_resend = min_resend;
    terms.resend_window = resend_window;
    return shown(
        rules::judge_triplet(seen(waiting, 10 * kMinute), terms, kNow, Expiry::usual).decision);
  };
  CHECK(on(kHour, kDay) == "defer early 600 wait 3000");
  CHECK(on(0, kDay) == "accept passed 600");
  CHECK(on(10 * kMinute, 10 * kMinute + 1) == "accept passed 600");
  CHECK(on(kMinute, 10 * kMinute) == "defer stale 600 wait 60");
}

TEST_CASE("of a query with several triplets that is told which says most") {
  using enum wire::Reason;
  const struct {
    std::vector<wire::Reason> triplets;
    std::string any, all;
  } rows[] = {
      {{new_triplet, early}, "early", "early"},    {{early, stale}, "early", "early"},
      {{new_triplet, stale}, "stale", "stale"},    {{known, new_triplet}, "known", "new"},
      {{known, passed, stale}, "passed", "stale"}, {{known, bounce}, "bounce", "bounce"},
      {{passed, known}, "passed", "passed"},       {{}, "none", "none"},
  };
  for (const auto& row : rows) {
    rules::Summary summary;
    for (const wire::Reason reason : row.triplets) summary.add(decision_of(reason, 0, 300));
    const auto told = [&](RecipientRule rule) {
      const auto decision = summary.decision(rule);
      return decision ? std::string(to_string(decision->reason)) : "none";
    };
    CHECK(told(RecipientRule::any) == row.any);
    CHECK(told(RecipientRule::all) == row.all);
  }
}
