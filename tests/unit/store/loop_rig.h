// A loop that runs until something has come about, for tests of what lives on one.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "greyd/base/background.h"
#include "greyd/net/event_loop.h"
#include "greyd/store/redis_link.h"
#include "greyd/store/resolver.h"

namespace grey::testing {

struct LoopRig {
  std::vector<std::string> thrown;  // out of callbacks
  EventLoop loop{[this](const std::exception& error) { thrown.push_back(error.what()); }};
  InlineBackground background;
  Resolver resolver{background};

  // False when it has not come about in time.
  template <typename Condition>
  bool until(Condition condition, std::chrono::milliseconds time = std::chrono::seconds(30)) {
    const auto end = std::chrono::steady_clock::now() + time;
    const EventLoop::Timer tick = loop.every(0.005, [] {});
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      loop.step();
    }
    return true;
  }
  void go_on_for(std::chrono::milliseconds time) {
    until([] { return false; }, time);
  }
};

// A link with what it has told.
struct LinkRig : LoopRig {
  explicit LinkRig(Login login = {}, LinkLimits limits = {200, 100, 4096, 4 << 20})
      : link(std::make_unique<RedisLink>(loop, resolver, store_greetings(login), limits,
                                         [this](const Failure& why) { lost.push_back(why); })) {}

  std::vector<Failure> lost;
  std::unique_ptr<RedisLink> link;

  // Nothing when it is ready.
  std::optional<Failure> connect(const StorePlace& place) {
    bool told = false;
    std::optional<Failure> result;
    link->connect(place, [&](const std::optional<Failure>& why_not) {
      CHECK_FALSE(told);
      told = true;
      result = why_not;
    });
    REQUIRE(until([&] { return told; }));
    return result;
  }
  Outcome ask(const std::vector<std::string>& words) {
    std::optional<Outcome> result;
    link->command(words, [&](Outcome outcome) {
      CHECK_FALSE(result);
      result = std::move(outcome);
    });
    REQUIRE(until([&] { return result.has_value(); }));
    return *result;
  }
};

}  // namespace grey::testing
