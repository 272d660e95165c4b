// Commands that a server has yet to answer: in the order in which it will, with when each is given
// up. One that was given up stays, as its answer may still come, and must not be taken for the next
// one's.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <list>
#include <utility>

#include "greyd/store/fault.h"

namespace grey {

class PendingCalls {
 public:
  using Done = std::function<void(Outcome)>;
  using Time = std::chrono::microseconds;  // on a clock that is never set

  bool empty() const { return calls_.empty(); }
  std::size_t size() const { return calls_.size(); }

  // In two steps, so that the second needs no memory: who is not told yet, and who is.
  void add(Time end) {
    if (idle_.empty()) idle_.emplace_back();
    calls_.splice(calls_.end(), idle_, idle_.begin());
    calls_.back().end = end;
    calls_.back().put_off = false;
  }
  void remove_last() { idle_.splice(idle_.end(), calls_, std::prev(calls_.end())); }
  void tell_last(Done done) { calls_.back().done = std::move(done); }

  // Who is to be told of the answer that has come; nobody, when that was given up.
  // REQUIRES: !empty().
  Done take_first() {
    Done done = std::exchange(calls_.front().done, nullptr);
    idle_.splice(idle_.begin(), calls_, calls_.begin());
    return done;
  }
  // All of them, without memory.
  PendingCalls take_all() noexcept {
    PendingCalls all;
    all.calls_.swap(calls_);
    return all;
  }

  // Calls `tell(done)` for each whose end has come, which may add calls; until it says false, as
  // these calls are others then. When the next one's end comes; Time::max() when none waits.
  // `more`: what those are given whose end comes for the first time; zero: nothing.
  template <typename Tell>
  Time give_up(Time now, Time more, Tell tell) {
    Time next = Time::max();
    for (Call& call : calls_) {
      if (!call.done) continue;
      if (call.end <= now && more > Time::zero() && !std::exchange(call.put_off, true)) {
        call.end = now + more;
      }
      if (call.end > now) {
        next = std::min(next, call.end);
      } else if (!tell(std::exchange(call.done, nullptr))) {
        return Time::max();
      }
    }
    return next;
  }
  // `tell(done)` for all who have not been told.
  template <typename Tell>
  void for_each(Tell tell) const {
    for (const Call& call : calls_) {
      if (call.done) tell(call.done);
    }
  }

 private:
  struct Call {
    Done done;  // none: told
    Time end{};
    bool put_off = false;  // its end, once
  };
  std::list<Call> calls_;
  std::list<Call> idle_;  // kept for those that come: no more than there were at a time
};

}  // namespace grey
