// A daemon among those that share a state: whether it is one of them now, and what it has to tell
// them that they may not know.
//
// Pure but for what it is handed: time is an argument, and calls go by a ScriptStore. To be told
// about once a second what time it is.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "greyd/base/seconds.h"
#include "greyd/core/greylist.h"
#include "greyd/service/service.h"
#include "greyd/shared/calls.h"
#include "greyd/shared/script_store.h"

namespace grey::shared {

// What must be alike for all who share a state: "min-resend=300 resend-window=43200 ...".
std::string fingerprint(const Policy& policy);

// What a daemon remembers of the store when it ends, or is killed.
struct LastMeeting {
  std::string run;   // the store's; empty: there was none
  Seconds good = 0;  // when it last took what it was told
  bool operator==(const LastMeeting&) const = default;
};

struct MemberCounters {
  Count healed = 0;        // records that were told again
  Count healings = 0;      // times that this was begun
  Count wiped = 0;         // of these, as the store had lost all
  Count other_policy = 0;  // times that it was found to share another policy
};

class Member {
 public:
  enum class State : std::uint8_t {
    away,          // the store does not answer
    other_policy,  // it is shared by daemons with another policy
    member,
  };
  // Told in words what an operator should know: another policy, another clock, a store that was
  // wiped.
  using Report = std::function<void(const std::string& text)>;

  // `name`: one that nobody else has, for the run of a store that has none.
  Member(Service& service, ScriptStore& link, const Keys& keys, std::string name, LastMeeting last,
         MemberCounters& counters, Report report);

  State state() const { return state_; }
  const LastMeeting& last_meeting() const { return last_; }
  bool healing() const { return healing_ != nullptr; }
  // That of the others, as fingerprint() has it; empty: they have this one's, as far as is known.
  const std::string& others_policy() const { return policy_told_; }

  // About once a second. `now`: the wall clock.
  void tick(Seconds now);
  // A slice of healing: tells some hundred records. To be called often while healing().
  void heal(Seconds now);
  // The link is gone, or a call has failed: what is stamped from `last_meeting().good` on is to be
  // told again.
  void lost();

  // A failed-over store may have lost what it had acknowledged in so many seconds before.
  static constexpr Seconds kMayBeLost = 60;
  static constexpr std::size_t kSlice = 200;     // records looked at
  static constexpr std::size_t kMostCalls = 16;  // of healing that are out
  static constexpr Seconds kMostClockDifference = 30;

 private:
  struct Healing {
    Greylist::Walk walk;
    Seconds since;
    Seconds begun;
    std::size_t calls = 0;  // that are out
    bool walked = false;    // to the end
  };

  void met(Seconds now, const std::vector<std::string>* answer);
  void begin_healing(Seconds since, Seconds now);
  void told(const std::vector<std::string>* answer, std::size_t records);

  Service& service_;
  ScriptStore& link_;
  const Keys& keys_;
  const std::string name_, fingerprint_;
  LastMeeting last_;
  MemberCounters& counters_;
  Report report_;
  State state_ = State::away;
  bool meeting_ = false;        // a call is out
  std::uint64_t meetings_ = 0;  // so that each would name another run: this one may put it back
  bool clock_told_ = false;
  std::string policy_told_;  // of others
  std::unique_ptr<Healing> healing_;
  std::shared_ptr<Member*> self_ = std::make_shared<Member*>(this);
};

}  // namespace grey::shared
