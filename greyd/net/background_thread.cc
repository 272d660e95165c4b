#include "greyd/net/background_thread.h"

#include <cerrno>
#include <csignal>
#include <exception>

namespace grey {

BackgroundThread::BackgroundThread(EventLoop& loop) : waker_(loop.on_wake([this] { deliver(); })) {
  // Signals are for the thread that answers.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  // Its stack is not of the default size, which is the stack limit: under softlimit -m that is as
  // much as the whole process may have.
  constexpr std::size_t kStack = std::size_t{1} << 20;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStack);
  fault_ = pthread_create(&thread_, &attributes, &BackgroundThread::enter, this);
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void* BackgroundThread::enter(void* self) {
  static_cast<BackgroundThread*>(self)->serve();
  return nullptr;
}

BackgroundThread::~BackgroundThread() {
  if (fault_ != 0) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  pthread_join(thread_, nullptr);
}

void BackgroundThread::run(std::function<int()> work, std::function<void(int)> done) {
  if (fault_ != 0) {
    Job job{std::move(work), std::move(done), 0};
    do_work(job);
    job.done(job.result);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(work), std::move(done), 0});
  }
  changed_.notify_all();
}

void BackgroundThread::do_work(Job& job) {
  try {
    job.result = job.work();
  } catch (const std::exception&) {
    job.result = ENOMEM;
  }
}

void BackgroundThread::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::list<Job> job;
    job.splice(job.end(), waiting_, waiting_.begin());
    working_ = true;
    lock.unlock();
    do_work(job.front());
    lock.lock();
    working_ = false;
    finished_.splice(finished_.end(), job);
    changed_.notify_all();
    waker_.wake();
  }
}

void BackgroundThread::deliver() {
  std::list<Job> finished;
  {
    const std::lock_guard lock(mutex_);
    finished.swap(finished_);
  }
  // One that fails must not keep the others from being told.
  std::exception_ptr failed;
  for (Job& job : finished) {
    try {
      job.done(job.result);
    } catch (const std::exception&) {
      failed = std::current_exception();
    }
  }
  if (failed) std::rethrow_exception(failed);
}

void BackgroundThread::drain() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return waiting_.empty() && !working_; });
      if (finished_.empty()) return;
    }
    deliver();  // may give more work
  }
}

}  // namespace grey
