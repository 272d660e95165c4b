// Background work that waits until the test says so.
#pragma once

#include <functional>
#include <list>
#include <utility>

#include "greyd/base/background.h"

namespace grey::testing {

struct LateBackground : Background {
  void run(std::function<int()> work, std::function<void(int)> done) override {
    jobs.push_back([work = std::move(work), done = std::move(done)] { done(work()); });
  }
  void drain() override {
    while (!jobs.empty()) one();
  }
  void one() {
    const auto job = std::move(jobs.front());
    jobs.pop_front();
    job();
  }

  std::list<std::function<void()>> jobs;
};

}  // namespace grey::testing
