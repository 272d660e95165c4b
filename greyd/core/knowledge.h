// What is known of one triplet, or of one client, by whoever has seen something of it: several
// daemons that share a state, a store between them, a journal.
//
// Knowledge only grows: each part is a time or a number of which the first, the last or the largest
// counts. So what two know together does not depend on who tells whom, in which order, or how often
// (join() is commutative, associative and idempotent). What it means is asked afterwards: of a
// time, under the terms, and behind what was forgotten by command.
//
// Nothing that is joined makes a triplet older than one of its real attempts: at worst somebody
// waits once more.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "greyd/base/seconds.h"
#include "greyd/core/policy.h"
#include "greyd/core/record_state.h"
#include "greyd/core/rules.h"

namespace grey {

// Times are seconds since 1970; 0: it has not happened.
struct TripletKnowledge {
  Seconds first = 0;    // the earliest first attempt that anybody took for one
  Seconds latest = 0;   // and the latest: another daemon's, or one begun anew
  Seconds passed = 0;   // when it was last seen, having passed; of what was sent: last told
  Seconds bounced = 0;  // when it was accepted as a bounce's

  bool operator==(const TripletKnowledge&) const = default;
};

struct ClientKnowledge {
  Seconds seen = 0;     // last
  unsigned passes = 0;  // good retries, at most 255
  bool operator==(const ClientKnowledge&) const = default;
};

constexpr TripletKnowledge join(const TripletKnowledge& a, const TripletKnowledge& b) {
  const auto earlier = [](Seconds x, Seconds y) { return x == 0 || (y != 0 && y < x) ? y : x; };
  return {earlier(a.first, b.first), std::max(a.latest, b.latest), std::max(a.passed, b.passed),
          std::max(a.bounced, b.bounced)};
}
constexpr ClientKnowledge join(const ClientKnowledge& a, const ClientKnowledge& b) {
  return {std::max(a.seen, b.seen), std::max(a.passes, b.passes)};
}

// What a record knows, at that time: one whose time is over knows nothing. REQUIRES: of a triplet,
// or of a client.
TripletKnowledge triplet_knowledge(const RecordState& record, const Terms& terms, Seconds now);
ClientKnowledge client_knowledge(const RecordState& record, const Terms& terms, Seconds now);

// A clock that was wrong must not make a triplet wait for ever, nor anything be remembered so: a
// first attempt that is stamped later than this after `now` has not happened, and what else is has
// been seen just now.
constexpr Seconds kMostAhead = 60;

// What is to be stored of it. `forgotten`: the last time that it was forgotten by command (0:
// never): what is stamped no later is dead.
rules::Stored meaning(const TripletKnowledge& known, Seconds forgotten, const Terms& terms,
                      Seconds now);
rules::Stored meaning(const ClientKnowledge& known, Seconds forgotten, const Terms& terms,
                      Seconds now);

// The same under the key of what was sent (put_sent), of which nothing else is known.
rules::Stored sent_meaning(const TripletKnowledge& known, Seconds forgotten, const Terms& terms,
                           Seconds now);

// ---- as text -----------------------------------------------------------------------------------
//
// "1764172800" is one first attempt; the parts are separated by ':', those that are 0 are empty,
// and `latest` is left out where it is `first`: "1764172800:1764179000", "::1764172800" (passed),
// "1764172800:::1764172900" (bounced). A client: "1764172800:3". The empty text: nothing is known.

std::string to_text(const TripletKnowledge& known);
std::string to_text(const ClientKnowledge& known);
// Nothing for what to_text() does not write.
std::optional<TripletKnowledge> read_triplet_knowledge(std::string_view text);
std::optional<ClientKnowledge> read_client_knowledge(std::string_view text);

}  // namespace grey
