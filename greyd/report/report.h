// What greylisting has done in some time, and what it has cost: the figures that the text, the page
// and the JSON of a report show. Plain values; report_maker.h makes them.
//
// What is told of triplets is told of those that were first seen in the period, whenever their fate
// came. Definitions are greyctl(8)'s, REPORT.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "greyd/base/counters.h"
#include "greyd/base/seconds.h"
#include "greyd/core/policy.h"

namespace grey::report {

// What has become of the triplets that began to wait. Their sum is `first`.
struct Fates {
  Count first = 0;
  Count passed = 0;   // came back, and were accepted
  Count trusted = 0;  // did not, but their client is known: it was let in by another
  Count held = 0;     // held back for good: it is too late to come back
  Count open = 0;     // may come back yet
  Count left = 0;     // nobody knows: evicted, or forgotten by command

  Fates& operator+=(const Fates& more);
  bool operator==(const Fates&) const = default;
};

// How long those waited that were accepted after a wait.
struct Delays {
  AgeCounts counts{};   // by class, see kAgeBounds
  Count waited = 0;     // seconds, all together
  Seconds longest = 0;  // of one; 0: none is known

  Count all() const;
  // The time within which that share of them was accepted, evenly within a class; nothing of none.
  std::optional<Seconds> quantile(double share) const;
  std::optional<Seconds> mean() const;

  Delays& operator+=(const Delays& more);
};

// First attempts of clients that were suspect, or were not, as far as it was counted.
struct SuspectFates {
  Count first = 0;
  Count passed = 0;  // came back, and were accepted
  Count never = 0;   // did not, of those whose resend window is over

  bool operator==(const SuspectFates&) const = default;
};

// A piece of the period, or all pieces of it of one hour of the day.
struct Slot {
  Seconds begin = 0;                 // of a day or week: its first second here
  Count accepted = 0, deferred = 0;  // decisions
  Fates fates;
  Delays delays;  // of those of `fates` that passed
};

// Who has how many triplets that wait.
struct Ranked {
  std::string name;
  Count deferred = 0;
};
struct Ranking {
  std::vector<Ranked> first;  // the most first
  std::size_t all = 0;        // how many there are
};

struct Longest {
  Seconds waited = 0;
  std::string client, sender, recipient;
};

// A network from which one message came by several clients.
struct Several {
  std::string network;
  Count messages = 0;             // pairs of sender and recipient
  Count most = 0;                 // clients of one of these
  std::string sender, recipient;  // of that one
};

// What another min resend would have come to, from what was seen.
struct OtherResend {
  Seconds min_resend = 0;
  bool is_now = false;  // what it is; then there is nothing to tell
  Count let_in = 0;     // triplets that have not passed, and came back that late
  Count sooner = 0;     // triplets that passed, and would have earlier
  Count saved = 0;      // seconds that those would have waited less, at least
  Count again = 0;      // triplets that passed, and would have had to come once more
};

struct Report {
  // What was asked for.
  Seconds from = 0, now = 0;
  std::string version;  // of the daemon
  Policy policy;        // as it is now

  bool has_totals = true;            // else the daemon is one that keeps none yet
  std::optional<Seconds> kept_from;  // the first hour that is counted in; nothing: none is

  // Decisions, and what is none.
  ReasonCounts udp{}, mta{};
  std::map<std::string, Count> faults;
  Count foreign = 0, lost = 0, evicted = 0;

  Fates fates;
  Delays delays;
  SuspectFates suspect, unsuspect;
  bool by_week = false;    // else each of `days` is one
  std::vector<Slot> days;  // oldest first, none is left out
  std::array<Slot, 24> hours;

  std::size_t records = 0;  // that were looked at
  Ranking networks, domains, recipients;
  std::vector<Longest> longest;
  std::vector<Several> several;
  std::vector<OtherResend> resends;  // shortest first

  Count accepted() const;
  Count deferred() const;
  Count spared() const;  // accepted at once, as --select=suspect has it
  // There is something to say of who is suspect.
  bool sees_suspects() const { return suspect.first + unsuspect.first + spared() > 0; }
  // Nothing has been asked, and nobody waits.
  bool empty() const;
  bool sees_several() const { return policy.ipv4_prefix == 32; }
};

bool accepts(std::size_t reason);  // a wire::Reason

}  // namespace grey::report
