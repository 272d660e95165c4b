// The rules of greylisting (DESIGN.md, section 3): from what the terms are, what is stored and what
// time it is, to what is decided and what is to be stored.
//
// Pure functions. They know no table, no keys and no lists: whoever keeps records, in this host's
// memory or in a store that several share, looks up what there is, asks here what it means, and
// then does as the Effect says. `stored` is what stands under the key of the client or triplet
// asked about, nothing where nothing does; `now` is the time by the wall clock, which may have been
// set back since a record was stamped: a stamp after it counts as now.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "greyd/core/decision.h"
#include "greyd/core/policy.h"
#include "greyd/core/record_state.h"

namespace grey {

// What becomes of records whose time is over. The wall clock can be wrong; who finds it to be
// doubtful (clock_guard.h) asks to be careful until that is clear.
enum class Expiry : std::uint8_t {
  usual,      // they count no more, and are forgotten
  suspended,  // they count as if their time were not over
};

namespace rules {

using Stored = std::optional<RecordState>;

// ---- times -------------------------------------------------------------------------------------

// Seconds since `seen`; 0 when that is after `now`.
constexpr Seconds age_of(Seconds seen, Seconds now) {
  return std::max<Seconds>(now - seen, 0);
}

// What an attempt is that comes `age` after a triplet's first. The one place that says which retry
// is good.
enum class Retry : std::uint8_t { early, good, stale };
constexpr Retry retry_at(Seconds age, const Terms& terms) {
  if (age < terms.min_resend) return Retry::early;
  return age < terms.resend_window ? Retry::good : Retry::stale;
}

// What one client and sender send within this time of the first is about one message, where the
// front does not say which message it is: several recipients, one after another.
constexpr Seconds kOneMessage = 60;
// A retry that is as near to the window's end as this is hardly made in time.
constexpr Seconds kBeforeStale = 3600;

// Whether a record's time is over.
bool is_over(const RecordState& record, const Terms& terms, Seconds now);

// Whether it says anything still.
inline bool counts(const RecordState& record, const Terms& terms, Seconds now, Expiry expiry) {
  return expiry == Expiry::suspended || !is_over(record, terms, now);
}

// ---- judgements --------------------------------------------------------------------------------

// What is to be done to the record asked about, or where there is none.
struct Effect {
  enum class Act : std::uint8_t {
    leave,
    touch,  // it is seen at record.seen, and else as it was: need not outlive a restart each time
    store,  // it is `record` from now on, there or not
    erase,  // its time is over
  };
  Act act = Act::leave;
  RecordState record{};
  bool operator==(const Effect&) const = default;
};

struct Judgement {
  Decision decision;
  Effect effect;
};

// The client: known, or it is for the triplets to decide.
struct ClientJudgement {
  std::optional<Decision> known;
  Effect effect;
};
ClientJudgement judge_client(const Stored& stored, const Terms& terms, Seconds now, Expiry expiry);

// A triplet of a message that is no bounce.
Judgement judge_triplet(const Stored& stored, const Terms& terms, Seconds now, Expiry expiry);
// One of a bounce. A good retry leaves the record as it is: it waits until the whole query is
// accepted, see accepted_bounce().
Judgement judge_bounce(const Stored& stored, const Terms& terms, Seconds now, Expiry expiry);
// One under greydaemon's rules, as observed: a triplet is not marked as passed (its client is), so
// that it goes stale by its first attempt; nor is it forgotten by its age here.
Judgement judge_greydaemon_triplet(const Stored& stored, const Terms& terms, Seconds now);

// A bounce is accepted of which this triplet was a good retry: it stays good for a while.
Effect accepted_bounce(const Stored& stored, Seconds now);

// A good retry was the client's: it earns a pass. That ends what it has written to traps.
Effect earned_pass(const Stored& stored, const Terms& terms, Seconds now, Expiry expiry);

// ---- traps: recipients to whom nobody writes who means well -------------------------------------

// How many messages the client is known to have written to traps; 0 of one that has passed.
unsigned traps_of(const Stored& client, const Terms& terms, Seconds now, Expiry expiry);
// It writes to one now. Nothing becomes of a client that has passed; what comes within kOneMessage
// of the last is the same message still.
Effect sprung_trap(const Stored& client, const Terms& terms, Seconds now, Expiry expiry);
// What is asked of such a client: min resend, a minute at least, is doubled for each, up to
// kBeforeStale before the resend window's end, so that there is a good retry left. Never less than
// without.
Terms behind_traps(const Terms& terms, unsigned traps);

// ---- replies -----------------------------------------------------------------------------------
//
// Whom ours write to may answer at once. What was sent is told by whoever took it from us, and is
// stored under the pair of their address and ours (put_sent in key.h), which is what `stored` is
// of. As an address can be forged, and a robot be made to answer, it counts only for a client that
// may send for their domain: one of its pool by SPF, or by name (PoolFinder::is_host_of_sender).
// Never for a null sender.

// Somebody of ours has written to the sender, and not too long ago: what comes from there is its
// answer, if the client may send for it.
std::optional<Decision> judge_reply(const Stored& stored, const Terms& terms, Seconds now,
                                    Expiry expiry);
// It is told that one of ours has written to it, at that time, which may be past.
Effect told_sent(const Stored& stored, Seconds at);

// ---- a triplet of the client's and those of its pools (pools.h) --------------------------------

// Whether a pool's triplet brings the message nearer to passing than what is decided otherwise: it
// is accepted by it, or waits for less.
constexpr bool is_nearer(const Decision& by_pool, const Decision& otherwise) {
  using wire::Verdict;
  if (otherwise.verdict == Verdict::accept) return false;
  if (by_pool.verdict == Verdict::accept) return true;
  if (by_pool.reason != wire::Reason::early) return false;
  return otherwise.reason != wire::Reason::early || by_pool.age > otherwise.age;
}

// ---- several recipients ------------------------------------------------------------------------

// The decision on a query, from those on its triplets, one after another.
class Summary {
 public:
  static constexpr std::size_t kNobody = SIZE_MAX;
  // `recipient`: the number of the one whose triplet, or client, that is; `pool`: by which it is.
  void add(const Decision& of_triplet, std::size_t recipient = kNobody,
           std::optional<PoolKind> pool = {});
  // Whether one of them was a good retry of no bounce.
  bool passed() const { return passed_; }
  struct Of : Decision {
    std::size_t recipient = kNobody;  // whose it is
    std::optional<PoolKind> pool{};   // as one of which the client is judged
  };
  // Nothing when there was none to decide.
  std::optional<Of> decision(RecipientRule rule) const;

 private:
  std::optional<Of> accepted_, deferred_;  // that says most of each
  bool passed_ = false;
};

// ---- two records of one key --------------------------------------------------------------------

// Whether of two records `next` stands, as if the later had come upon the earlier, in whatever
// order they are found: what has passed before what waits, the first attempt before another within
// the window, and else the later.
bool stands_before(const RecordState& next, const RecordState& stored, const Terms& terms);

// What the two come to: the one that stands; of a client the last time, and the most passes (or
// messages to traps) of those that count.
RecordState joined(const RecordState& next, const RecordState& stored, const Terms& terms);

}  // namespace rules
}  // namespace grey
