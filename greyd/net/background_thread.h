// One thread that does the work of Background, and has an event loop tell in its own thread what
// has been done. Where the system gives no thread (RLIMIT_NPROC), the work is done at once, as
// InlineBackground does it: then queries wait for the disk.
#pragma once

#include <pthread.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

#include "greyd/base/background.h"
#include "greyd/net/event_loop.h"

namespace grey {

class BackgroundThread : public Background {
 public:
  // What becomes at its end of the work that was given, none of which is told any more.
  enum class AtEnd : std::uint8_t {
    finish,   // it is done before the destructor returns: the disk's
    abandon,  // the destructor waits for nothing: what has not begun is dropped, and what has begun
              // goes on alone, be it beyond the end of main(): such work, and who is to be told,
              // own all that they use
  };

  // `loop` must outlive it.
  explicit BackgroundThread(EventLoop& loop, AtEnd at_end = AtEnd::finish);
  ~BackgroundThread() override;
  BackgroundThread(const BackgroundThread&) = delete;
  BackgroundThread& operator=(const BackgroundThread&) = delete;

  void run(std::function<int()> work, std::function<void(int)> done) override;
  void drain() override;
  // Why there is no thread: an errno, or 0.
  int fault() const { return fault_; }

 private:
  struct Job {
    std::function<int()> work;
    std::function<void(int)> done;
    int result = 0;
  };
  using Jobs = std::list<Job>;  // their nodes move from one to the other without memory
  // Of both threads, as either may be the last.
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    EventLoop::Waker waker;
    Jobs waiting;
    Jobs finished;
    bool working = false;
    bool stop = false;
  };
  static void* enter(void* shared);
  static void do_work(Job& job);
  static void serve(Shared& shared);
  void deliver();

  const AtEnd at_end_;
  const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  int fault_ = 0;
  pthread_t thread_{};
};

}  // namespace grey
