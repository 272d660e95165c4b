// Work that waits for the disk, away from the thread that answers queries.
#pragma once

#include <functional>

namespace grey {

class Background {
 public:
  virtual ~Background() = default;
  // Does `work` (a system call or a few, returning 0 or an errno), one after another in the order
  // given, and then calls `done` with its result in the caller's thread. `done` may be called
  // before run() returns.
  virtual void run(std::function<int()> work, std::function<void(int)> done) = 0;
  // Returns when all work has been done and told.
  virtual void drain() = 0;
};

// Does the work at once: for tests, and where nobody waits.
class InlineBackground : public Background {
 public:
  void run(std::function<int()> work, std::function<void(int)> done) override { done(work()); }
  void drain() override {}
};

}  // namespace grey
