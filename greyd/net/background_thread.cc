#include "greyd/net/background_thread.h"

#include <cerrno>
#include <csignal>
#include <exception>
#include <utility>

namespace grey {

BackgroundThread::BackgroundThread(EventLoop& loop, AtEnd at_end) : at_end_(at_end) {
  shared_->waker = loop.on_wake([this] { deliver(); });
  auto for_thread = std::make_unique<std::shared_ptr<Shared>>(shared_);
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
  fault_ = pthread_create(&thread_, &attributes, &BackgroundThread::enter, for_thread.get());
  if (fault_ == 0) static_cast<void>(for_thread.release());
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void* BackgroundThread::enter(void* shared) {
  const std::unique_ptr<std::shared_ptr<Shared>> own(static_cast<std::shared_ptr<Shared>*>(shared));
  serve(**own);
  return nullptr;
}

// The loop may be gone before a thread that is left alone.
BackgroundThread::~BackgroundThread() {
  if (fault_ != 0) return;
  const bool abandon = at_end_ == AtEnd::abandon;
  EventLoop::Waker waker;
  Jobs dropped;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stop = true;
    if (abandon) {
      waker = std::move(shared_->waker);
      dropped.swap(shared_->waiting);
      dropped.splice(dropped.end(), shared_->finished);
    }
  }
  shared_->changed.notify_all();
  abandon ? pthread_detach(thread_) : pthread_join(thread_, nullptr);
}

void BackgroundThread::run(std::function<int()> work, std::function<void(int)> done) {
  if (fault_ != 0) {
    Job job{std::move(work), std::move(done), 0};
    do_work(job);
    job.done(job.result);
    return;
  }
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->waiting.push_back({std::move(work), std::move(done), 0});
  }
  shared_->changed.notify_all();
}

void BackgroundThread::do_work(Job& job) {
  try {
    job.result = job.work();
  } catch (const std::exception&) {
    job.result = ENOMEM;
  }
}

void BackgroundThread::serve(Shared& shared) {
  std::unique_lock lock(shared.mutex);
  for (;;) {
    shared.changed.wait(lock, [&] { return shared.stop || !shared.waiting.empty(); });
    if (shared.waiting.empty()) return;
    Jobs job;
    job.splice(job.end(), shared.waiting, shared.waiting.begin());
    shared.working = true;
    lock.unlock();
    do_work(job.front());
    lock.lock();
    shared.working = false;
    shared.finished.splice(shared.finished.end(), job);
    shared.changed.notify_all();
    if (shared.waker) shared.waker.wake();
  }
}

void BackgroundThread::deliver() {
  Jobs finished;
  {
    const std::lock_guard lock(shared_->mutex);
    finished.swap(shared_->finished);
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
      std::unique_lock lock(shared_->mutex);
      shared_->changed.wait(lock, [this] { return shared_->waiting.empty() && !shared_->working; });
      if (shared_->finished.empty()) return;
    }
    deliver();  // may give more work
  }
}

}  // namespace grey
