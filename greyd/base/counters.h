// What has happened since the start, in numbers: all that is answered, and all that is lost
// anywhere, each in one place. One object, main's; who counts in it is handed it, or its part.
//
// Plain numbers that only grow, of the one thread that answers. The log says most of it at a
// bounded rate, these say all of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "greyd/base/seconds.h"
#include "greyd/wire/wire.h"

namespace grey {

using Count = std::uint64_t;
using ReasonCounts = std::array<Count, wire::kReasons>;  // queries, by wire::Reason

// How long a triplet has waited, in classes: class i is of the ages below kAgeBounds[i] that are in
// none before, the last of all others.
constexpr std::array<Seconds, 18> kAgeBounds = {30,   60,   120,   180,   240,   300,
                                                420,  600,  900,   1200,  1800,  2700,
                                                3600, 7200, 14400, 28800, 43200, 86400};
constexpr std::size_t kAgeClasses = kAgeBounds.size() + 1;
using AgeCounts = std::array<Count, kAgeClasses>;

// Datagrams, but where it says otherwise. What is no answer is asked again, or taken as GREYFAIL
// says.
struct UdpCounters {
  ReasonCounts decided{};                     // queries
  std::array<Count, wire::kFaults> faults{};  // no queries, by wire::Fault
  Count foreign = 0;                          // from who is not in --allow
  Count overflow = 0;   // that the system dropped: its queue was full, or they came from outside
                        // with an address of this host
  Count backlog = 0;    // dear queries that had to make room for others
  Count undecided = 0;  // queries that there was no memory to decide
  Count overdue = 0;    // queries that were not decided in time
  Count unsent = 0;     // answers that the system did not take
};

// Connections of a stream server.
struct StreamCounters {
  Count accepted = 0;
  Count refused = 0;      // by the protocol: who may not ask
  Count unaccepted = 0;   // accepted by the system, but no descriptor or no memory was left for it
  Count paused = 0;       // times that accepting had to wait for a second
  Count broken = 0;       // closed as the system told of an error, the peer's reset for one
  Count unfinished = 0;   // closed as a request was not ended, or an answer not taken, for too long
  Count idle = 0;         // closed as nothing was asked for long
  Count crowded_out = 0;  // closed to make room
  Count out_of_memory = 0;  // closed as all together held too much, or there was no memory
};

// Requests of mail servers by stream.
struct MtaCounters {
  static constexpr std::size_t kFaults = 8;
  ReasonCounts decided{};
  Count no_opinion = 0;                 // needed no decision
  std::array<Count, kFaults> faults{};  // by MtaFault, and then kBadClient, kNoClient
  Count undecided = 0;                  // not decided for want of memory
  Count overdue = 0;                    // not decided in time
  Count unanswered = 0;                 // decided, but the connection had gone
  StreamCounters connections;

  static constexpr std::size_t kBadClient = 6, kNoClient = 7;
};

// The state on the disk.
struct StateCounters {
  Count saved = 0;             // snapshots
  Count save_failures = 0;     // attempts
  Count journal_failures = 0;  // times that it was turned off
  Count unjournaled = 0;       // changes in memory alone until the next snapshot: lost if this dies
  Count lost_records = 0;      // of a damaged context file at the start, as far as is known
  Count lost_changes = 0;      // of a damaged journal at the start, likewise
};

// First attempts of clients that are suspect, or are not (core/suspicion.h), as far as it is known.
struct SuspectCounts {
  Count first = 0;   // that began to wait
  Count passed = 0;  // good retries

  bool operator==(const SuspectCounts&) const = default;
};

// Triplets, and what became of them: see core/attempts.h.
struct AttemptTotals {
  Count first = 0;     // that began to wait
  AgeCounts passed{};  // good retries, by age
  Count waited = 0;    // seconds, of those together
  Count trusted = 0;   // forgotten before a good retry, but their client had become known
  Count never = 0;     // likewise, and it had not
  SuspectCounts suspect, unsuspect;
  static constexpr std::size_t kSuspicions = 5;
  std::array<Count, kSuspicions>
      suspicions{};  // that began to wait, by Suspicion: one may have more
};

// Triplets whose sender's domain's networks are not known yet (pools/pool_keeper.h).
struct PoolCounters {
  Count passed = 0;     // queries accepted as a pool's: its good retry, or as it is known
  Count joined = 0;     // noted under a pool when the networks became known
  Count unlearned = 0;  // given up: they have not become known in time
  Count dropped = 0;    // for want of room or memory
};

// What ours have sent, by each of whom they have sent it to. Those that come back and are accepted
// are counted as decisions are.
struct ReplyCounters {
  Count told = 0;   // that may be answered now
  Count unfit = 0;  // of which nothing is kept: an address that is none, or of no domain, too many
                    // in one datagram, or the policy has no replies
};

// Told of each counter by its name: visit("udp.decided.new", 3).
using VisitCounter = std::function<void(std::string_view name, Count count)>;

struct Counters {
  UdpCounters udp;
  MtaCounters policy;
  StreamCounters control;  // of the control socket
  StateCounters state;
  AttemptTotals attempts;
  PoolCounters pools;
  ReplyCounters replies;
  Count evicted = 0;             // records, for others at --max-records
  Count evicted_over_share = 0;  // of these, such as were over the share of a network or an asker
  Count log_lines = 0;           // that were dropped: their reader was slow, or there was no memory
  Count unexpected = 0;          // callbacks of the event loop that ended with an exception
};

}  // namespace grey
