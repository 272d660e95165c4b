// A daemon among those that share a state: whether it is one of them now, and what it has to tell
// them that they may not know.
//
// Pure but for what it is handed: time is an argument, and calls go by a ScriptStore. To be told
// about once a second what time it is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "greyd/base/rate_limit.h"
#include "greyd/base/seconds.h"
#include "greyd/core/greylist.h"
#include "greyd/service/service.h"
#include "greyd/shared/calls.h"
#include "greyd/shared/fingerprint.h"
#include "greyd/shared/last_meeting.h"
#include "greyd/shared/script_store.h"

namespace grey::shared {

struct MemberCounters {
  Count healed = 0;        // records that were told again
  Count healings = 0;      // times that this was begun
  Count lost = 0;          // of these, as the store had lost what it was told, or all
  Count other_policy = 0;  // times that it was found to share another policy
  Count other_clock = 0;   // times that its clock was found to be another
};

class Member {
 public:
  enum class State : std::uint8_t {
    away,          // the store does not answer
    other_policy,  // it is shared by daemons with another policy, or another key
    other_clock,   // its clock and this one's differ by too much for their stamps to be compared
    member,
  };
  // Told in words what an operator should know: another policy, another clock, a store that was
  // wiped.
  using Report = std::function<void(const std::string& text)>;

  // `name`: one that nobody else has, for the run of a store that has none; without ':'. All by
  // reference must outlive it.
  Member(Service& service, ScriptStore& link, const HashKey& key, std::string name,
         LastMeeting last, MemberCounters& counters, Report report);
  ~Member();

  State state() const { return state_; }
  const LastMeeting& last_meeting() const { return last_; }
  // There is something to be told again, and it can be.
  bool healing() const { return healing_ != nullptr && state_ == State::member; }
  // That of the others, as fingerprint() has it, in bounds and printable; empty: they have this
  // one's, as far as is known.
  std::string others_policy() const;
  // By how many seconds this host's clock was ahead of the store's when they last met.
  Seconds clock_ahead() const { return clock_ahead_; }

  // Told when it has become a member.
  void on_joined(std::function<void()> told) { on_joined_ = std::move(told); }
  // About once a second. `now`: the wall clock.
  void tick(Seconds now);
  // A slice of healing: tells some records. To be called often while healing().
  void heal(Seconds now);
  // A call has failed: what is stamped from `last_meeting().good` on is to be told again.
  void missed() {
    missed_ = true;
    slice_ = std::max(slice_ / 2, kLeastSlice);
  }
  // Records have come that are stamped with other times than now: all is to be told again.
  void tell_all();
  // The link is gone: the same, when it is back.
  void lost();

  // What may have been lost, beyond what is known to be: a store whose place another has taken had
  // acknowledged what it had not passed on yet.
  static constexpr Seconds kMayBeLost = 60;
  static constexpr std::size_t kSlice = 100;  // records looked at
  // Of these as many are told, at most. Who asks over a link that they fill gets late answers: any
  // that is late halves it, down to kLeastSlice, and each call of healing makes it one more.
  static constexpr std::size_t kLeastSlice = 5;
  // Calls of healing that have failed and are kept: with so many it goes no further without these.
  static constexpr std::size_t kMostFailed = 16;
  // Of healing that are out: who asks waits behind, and of fifty that heal at once each has one.
  static constexpr std::size_t kMostCalls = 1;
  // Records lie in the order in which they changed, and what was learned from the store has older
  // stamps: so many older ones in a row, and no younger one comes that has not been told.
  static constexpr std::size_t kOldEnough = 10'000;
  // Who is a member has a clock that differs from the store's by no more: a tenth of min resend, 2
  // to 30 seconds. So of two members a wait is shorter by a fifth at most.
  static Seconds most_clock_difference(const Policy& policy);

 private:
  struct Healing {
    Greylist::Walk walk;
    Seconds since;
    Seconds begun;
    RecordClass record_class = RecordClass::waiting;
    std::size_t old = 0;         // records of that class in a row
    bool walked = false;         // to the end
    std::size_t calls = 0;       // that are out
    std::vector<Call> failed{};  // and are to be made once more
    bool repeats = false;        // these, now: a second after the last that failed
  };

  void meet(Seconds now, const std::vector<std::string>* answer);
  bool has_our_policy(const std::string& policy);
  bool has_our_clock(Seconds store, Seconds now);
  Seconds lost_since(const std::string& run) const;
  void begin_healing(Seconds since, Seconds now);
  Call next_to_tell(Seconds now);
  void send(const Call& call);

  Service& service_;
  ScriptStore& link_;
  const Keys keys_;
  const std::string name_, fingerprint_;
  LastMeeting last_;
  MemberCounters& counters_;
  Report report_;
  std::function<void()> on_joined_ = [] {};
  State state_ = State::away;
  bool meeting_ = false;        // a call is out
  bool all_ = false;            // is to be told again
  std::size_t slice_ = kSlice;  // kLeastSlice to that
  bool missed_ = true;          // something, since the last healing began
  std::uint64_t meetings_ = 0;  // so that each would name another run: this one may put it back
  std::string others_policy_;
  Seconds clock_ahead_ = 0;
  // Of words on a loss: a store without room for all may lose at once what it is told.
  RateLimit lost_limit_{60};
  std::unique_ptr<Healing> healing_;  // the last that was begun
  std::shared_ptr<Member*> self_ = std::make_shared<Member*>(this);
};

}  // namespace grey::shared
