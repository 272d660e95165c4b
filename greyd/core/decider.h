// Who decides what is asked: this host's table (Service), or one who asks others first. Both fronts
// ask by this alone, so that whoever comes between stands here, too: a Decider before a Decider.
//
// Answers may come at once or late, in any order, some of a batch before the others, and after the
// one who asked has gone: the front sees to that.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "greyd/base/seconds.h"
#include "greyd/core/decision.h"
#include "greyd/wire/wire.h"

namespace grey {

class Decider {
 public:
  // Tells that the query of that number in the batch has been decided: once for each, in this
  // thread. It does not throw; it may ask the next batch.
  using Done = std::function<void(std::size_t index, const Decided& decision)>;

  virtual ~Decider() = default;

  // Decides the batch, which is not empty: `done` is called for each of its queries, in this call
  // or later. Whatever must survive this host is safe before that. The queries, and what they point
  // to, stay as they are until `done` has been called for the last of them, or until forget().
  // When it throws, it has forgotten the batch, and those that are not decided will not be.
  virtual void decide(std::span<const wire::Query> batch, Seconds now, Done done) = 0;

  // What ours have sent: stored where the policy has replies, and safe as a decision is, though
  // nobody is answered. Views are read in this call alone.
  virtual void sent(std::span<const wire::Sent> told, Seconds now) = 0;

  // Nobody waits for the rest of this batch any more: when this returns, its queries are read no
  // more, and its `done` is not called. What is decided of it may stand all the same: the asker
  // asks again.
  virtual void forget(std::span<const wire::Query> batch) noexcept = 0;

  // Returns when all that was asked has been decided, or is given up: within a time of its own, as
  // it is called at the end, before the state is saved.
  virtual void drain() = 0;
};

}  // namespace grey
