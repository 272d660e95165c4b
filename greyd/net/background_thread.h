// One thread that does the work of Background, and has an event loop tell in its own thread what
// has been done. Where the system gives no thread (RLIMIT_NPROC), the work is done at once, as
// InlineBackground does it: then queries wait for the disk.
#pragma once

#include <pthread.h>

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>

#include "greyd/base/background.h"
#include "greyd/net/event_loop.h"

namespace grey {

class BackgroundThread : public Background {
 public:
  // `loop` must outlive it.
  explicit BackgroundThread(EventLoop& loop);
  ~BackgroundThread() override;  // finishes the work that was given; what it did is not told
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
  static void* enter(void* self);
  static void do_work(Job& job);
  void serve();
  void deliver();

  EventLoop::Waker waker_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Lists, as their nodes move from one to the other without memory.
  std::list<Job> waiting_;
  std::list<Job> finished_;
  bool working_ = false;
  bool stop_ = false;
  int fault_ = 0;
  pthread_t thread_{};
};

}  // namespace grey
