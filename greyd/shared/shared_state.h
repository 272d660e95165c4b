// A state that this daemon shares with others, put together: the way to the store, the decider
// before this host's, membership, healing and orders.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "greyd/base/background.h"
#include "greyd/base/hash_key.h"
#include "greyd/net/event_loop.h"
#include "greyd/service/service.h"
#include "greyd/shared/member.h"
#include "greyd/shared/order.h"
#include "greyd/shared/orders.h"
#include "greyd/shared/shared_decider.h"
#include "greyd/store/store_link.h"

namespace grey::shared {

struct SharedSettings {
  StoreUrl url;
  std::string password;  // empty: none
  HashKey key{};         // of all daemons that share it
  std::string name;      // this daemon's: one that no other has
  std::string context_file;
};

struct SharedCounters {
  DeciderCounters decider;
  MemberCounters member;
  OrderCounters orders;
};

class SharedState {
 public:
  using Clock = std::function<Seconds()>;
  // Told in words what an operator should know.
  using Report = std::function<void(const std::string& text)>;

  // All by reference must outlive it. `background` waits for the disk; `clock`: the wall clock.
  SharedState(EventLoop& loop, Background& background, const SharedSettings& settings,
              Service& service, SharedCounters& counters, Clock clock, const Report& report);
  ~SharedState();
  SharedState(const SharedState&) = delete;
  SharedState& operator=(const SharedState&) = delete;

  Decider& decider();
  // Service::wait_in_pool(); the store is told of it.
  void wait_in_pool(const SavedRecord& waiting, const Client& pool, Seconds now, const Ip& asker);
  // For the next start: see MeetingKeeper. To be called when all has been decided.
  void save();
  // What has been done here by command.
  void say(Order order);

  Member::State state() const;
  bool healing() const;
  std::string others_policy() const;
  Seconds clock_ahead() const;
  Orders::Trouble orders_trouble() const;
  std::string last_refusal() const;  // why the last call failed that did
  StoreStatus store() const;
  StoreCounters link_counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace grey::shared
