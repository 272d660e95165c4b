// What a thread in the background leaves behind when it is not wanted any more.
#include "greyd/net/background_thread.h"

#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

using namespace grey;
using AtEnd = BackgroundThread::AtEnd;

namespace {

// Work that lasts until it is let go, and then owns itself alone. A test that fails does not hang.
class Slow {
 public:
  int work() {
    std::unique_lock lock(mutex_);
    begun_ = true;
    changed_.notify_all();
    const bool in_time = changed_.wait_for(lock, kPatience, [this] { return let_go_; });
    ended_ = true;
    changed_.notify_all();
    return in_time ? 0 : 1;
  }
  void wait_until_begun() { wait_for(begun_); }
  void wait_until_ended() { wait_for(ended_); }
  bool ended() {
    const std::lock_guard lock(mutex_);
    return ended_;
  }
  void let_go() {
    const std::lock_guard lock(mutex_);
    let_go_ = true;
    changed_.notify_all();
  }

 private:
  static constexpr std::chrono::seconds kPatience{20};
  void wait_for(const bool& what) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, kPatience, [&] { return what; }));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool begun_ = false, let_go_ = false, ended_ = false;
};

}  // namespace

TEST_CASE("work that is abandoned keeps nobody waiting, and ends when even the loop has gone") {
  const auto slow = std::make_shared<Slow>();
  const auto later = std::make_shared<int>(0);
  int told = 0;
  {
    EventLoop loop([](const std::exception&) {});
    BackgroundThread background(loop, AtEnd::abandon);
    REQUIRE(background.fault() == 0);
    background.run([slow] { return slow->work(); }, [&](int) { ++told; });
    background.run([later] { return ++*later; }, [&](int) { ++told; });
    slow->wait_until_begun();
  }
  CHECK_FALSE(slow->ended());
  CHECK(later.use_count() == 1);  // what had not begun is dropped
  slow->let_go();
  slow->wait_until_ended();
  CHECK(*later == 0);
  CHECK(told == 0);
}

TEST_CASE("until then it does its work and tells of it, as another does") {
  EventLoop loop([](const std::exception&) {});
  std::vector<int> told;
  {
    BackgroundThread background(loop, AtEnd::abandon);
    for (int i = 0; i < 3; ++i) {
      background.run([i] { return i; }, [&told](int result) { told.push_back(result); });
    }
    background.drain();
  }
  CHECK(told == std::vector<int>{0, 1, 2});
}

TEST_CASE("work that is to be finished is, all of it, before the end") {
  const auto slow = std::make_shared<Slow>();
  const auto later = std::make_shared<int>(0);
  {
    EventLoop loop([](const std::exception&) {});
    BackgroundThread background(loop);
    background.run([slow] { return slow->work(); }, [](int) {});
    background.run([later] { return ++*later; }, [](int) {});
    slow->wait_until_begun();
    slow->let_go();
  }
  CHECK(slow->ended());
  CHECK(*later == 1);
}
