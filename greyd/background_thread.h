// One thread that does the work of Background. The owner calls deliver() in its own thread after
// each `wake`.
#pragma once

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "greyd/background.h"

namespace grey {

class BackgroundThread : public Background {
 public:
  // `wake` is called in the thread, whenever there is something to deliver. Throws
  // std::system_error when there can be no thread.
  explicit BackgroundThread(std::function<void()> wake);
  ~BackgroundThread() override;  // finishes the work that was given; what it did is not told
  BackgroundThread(const BackgroundThread&) = delete;
  BackgroundThread& operator=(const BackgroundThread&) = delete;

  void run(std::function<int()> work, std::function<void(int)> done) override;
  void drain() override;
  void deliver();

 private:
  struct Job {
    std::function<int()> work;
    std::function<void(int)> done;
    int result = 0;
  };
  static void* enter(void* self);
  void serve();

  std::function<void()> wake_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> waiting_;
  std::vector<Job> finished_;
  bool working_ = false;
  bool stop_ = false;
  pthread_t thread_{};
};

}  // namespace grey
